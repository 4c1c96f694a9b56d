"""What a Pseudo-TAPT does before it adapts the backbone: learn emotions, cluster frames; killed or not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.adaptation._training import NOTHING_BEFORE, Before
from after_ray.adaptation.pseudo_tapt._codebooks import affordable, codebook_labels
from after_ray.adaptation.pseudo_tapt._emotion_frames import EmotionTraining, layer_frames
from after_ray.adaptation.pseudo_tapt._pseudo_labels import PseudoLabelObjective
from after_ray.adaptation.settings import PseudoTaptSettings
from after_ray.backbones._transformers import Backbone
from after_ray.backbones.loading import frames
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import Checkpoint, State
from after_ray.tensors import load_tensors, tensor_arrays
from after_ray.training.precision import kind_of
from after_ray.training.state import below, prefixed

FORMAT = 1  # of what is kept here in checkpoints; another one is passed over
EMOTIONS, CODEBOOKS = "emotions", "codebooks"  # names of arrays in checkpoints
PLACE = "pseudo_tapt"  # of the values in checkpoints


@dataclass(frozen=True)
class Targets:
    """The clusters of every frame of every row, one number for each codebook, and how they were found.

    Attributes:
        labels: int16, each frame a row of as many numbers as there are codebooks.
        clusters: of each codebook, as many as there were frames for.
        emotions: how the training before went: clips, updates, validation loss.
        before: kills and seconds of earlier processes.
    """

    labels: Ragged
    clusters: tuple[int, ...]
    emotions: dict[str, object]
    before: Before = NOTHING_BEFORE

    @classmethod
    def kept(cls, state: State) -> Targets:
        """Those of a state that carries `found`, of a training on them."""
        labels = PseudoLabelObjective.kept_labels(state.arrays)
        assert labels is not None, "a training on targets carries them"
        place = state.values[PLACE]
        return cls(labels, tuple(place["clusters"]), dict(place["emotions"]))

    def found(self) -> dict[str, object]:
        """What every state of a training on them must carry beside the labels, as JSON values."""
        return {PLACE: {"clusters": list(self.clusters), "emotions": self.emotions}}


class TargetSearch:
    """Finds the targets of one adaptation; a part that is done stays done, whenever it is killed.

    Args:
        settings: of the adaptation.
        audio: int16 waveforms of the corpus; no row but `rows` is read.
        rows: the rows of the adaptation.
        labels: the emotion of each.
        seeds: of everything that is drawn.
        device: torch device name.
        started: when this process began with the adaptation (`time.perf_counter`).
    """

    def __init__(
        self,
        settings: PseudoTaptSettings,
        audio: Ragged,
        rows: NDArray[np.int64],
        labels: NDArray[np.int64],
        seeds: SeedTree,
        device: str,
        started: float,
    ) -> None:
        self._settings = settings
        self._audio = audio
        self._rows = rows
        self._labels = labels
        self._seeds = seeds
        self._device = device
        self._started = started

    def run(self, backbone: Backbone, state: State | None, checkpoint: Checkpoint) -> Targets:
        """The targets, from where a killed search left; `backbone` is left in evaluation mode.

        Args:
            backbone: before adaptation, on the device.
            state: of the checkpoint; one of another format or kind of device is passed over.
            checkpoint: where the state is kept.

        Raises:
            BadValue: when the layer is not there.
            TooFewUtterances: when there are not two clips.
            DivergedTraining: when the loss of the emotions is not finite.
            NoTemporaryRoom: when the frames do not fit where temporary files lie.
        """
        state = state if state is not None and self._fits(state.values) else None
        heard = layer_frames(backbone, self._audio, self._rows, self._settings, self._device)
        longest = frames(backbone.config, self._settings.longest)
        training = EmotionTraining(
            heard, self._labels, self._settings, longest, self._seeds.child("emotions"), self._device
        )
        if state is not None and "emotions" in state.values[PLACE]:
            place = state.values[PLACE]
            load_tensors(training.network.state_dict().items(), below(EMOTIONS, state.arrays))
            emotions, before = dict(place["emotions"]), Before(place["resumed"] + 1, place["seconds"])
        else:
            emotions, before = self._learn(training, state, checkpoint)
        return self._clustered(training, state, checkpoint, emotions, before)

    def _learn(
        self, training: EmotionTraining, state: State | None, checkpoint: Checkpoint
    ) -> tuple[dict[str, object], Before]:
        """Train on the emotions; how that went, and what was done of it before this process."""
        seconds = 0.0 if state is None else state.values[PLACE]["seconds"]  # of all passes before trainings
        passed = seconds + time.perf_counter() - self._started
        report = training.fit(checkpoint.carrying({}, {PLACE: {**self._made(), "seconds": passed}}))
        emotions: dict[str, object] = {
            "clips": len(self._rows),
            "updates": report.updates,
            "validation_loss": report.validation_loss,
        }
        if not report.resumed:
            return emotions, NOTHING_BEFORE
        return emotions, Before(report.resumed, seconds + report.seconds_before)

    def _clustered(
        self,
        training: EmotionTraining,
        state: State | None,
        checkpoint: Checkpoint,
        emotions: dict[str, object],
        before: Before,
    ) -> Targets:
        """The clusters of every codebook; the state is written after each, and before the first."""
        hidden = training.hidden()
        learned = prefixed(EMOTIONS, tensor_arrays(training.network.state_dict().items()))
        found = {} if state is None else below(CODEBOOKS, state.arrays)
        clusters = tuple(affordable(count, len(hidden.values)) for count in self._settings.codebooks)
        for index, count in enumerate(clusters):
            if str(index) in found:
                continue
            place = {
                **self._made(),
                "emotions": emotions,
                "resumed": before.resumed,
                "seconds": before.seconds + time.perf_counter() - self._started,
            }
            checkpoint.save({**learned, **prefixed(CODEBOOKS, found)}, {PLACE: place})
            seeds = self._seeds.child("k_means", index)
            found[str(index)] = codebook_labels(hidden, count, seeds, self._device)
        together = np.stack([found[str(index)] for index in range(len(clusters))], axis=1)
        return Targets(Ragged(together, hidden.offsets), clusters, emotions, before)

    def _made(self) -> dict[str, object]:
        """What a state must share with this search to be gone on from."""
        return {"format": FORMAT, "device": kind_of(self._device)}

    def _fits(self, values: Mapping[str, Any]) -> bool:
        return {name: values.get(PLACE, {}).get(name) for name in self._made()} == self._made()
