"""Task-adaptive pre-training (TAPT): the backbone goes on learning from the train part, without labels."""

from __future__ import annotations

import itertools
import time
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from after_ray.adaptation._batches import Batches, ahead, usable
from after_ray.adaptation._clusters import ClusterObjective, kept_labels
from after_ray.adaptation._journal import Journal, Progress
from after_ray.adaptation._labels import label_frames
from after_ray.adaptation._objective import Objective
from after_ray.adaptation._quantizer import QuantizerObjective
from after_ray.adaptation._training import Training, fits
from after_ray.adaptation.settings import TaptSettings, objective_of
from after_ray.backbones.loading import arrays, build, build_for_adaptation, configuration
from after_ray.backbones.settings import BackboneSettings
from after_ray.learning.fit import seeded_dropout
from after_ray.learning.precision import check_precision
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import NO_CHECKPOINT, Checkpoint, State
from after_ray.weights import Weights


@dataclass(frozen=True)
class Adapted:
    """An adapted backbone.

    Attributes:
        weights: of the backbone alone, ready for `after_ray.backbones.loading.build`.
        heads: what the objective learned or found beside it, ready for `trained_objective`.
        measures: means over the last stretch of the history; `steps`, `audio_seconds`, `masked_frames` and
            `skipped_steps` (fp16's own) of the whole adaptation.
        history: about 50 points, each with `step` and the means since the point before: every term of the
            loss, `masked_share`, and of the gradient norm also the largest.
        details: what else is worth recording: the objective, and the clusters in use.
        resumed: how often the adaptation was killed and went on from a checkpoint.
        seconds_before: wall time up to the checkpoint that it last went on from.
    """

    weights: Weights
    measures: dict[str, float]
    history: list[dict[str, float]] = field(default_factory=list)
    details: dict[str, object] = field(default_factory=dict)
    resumed: int = 0
    seconds_before: float = 0.0
    heads: Weights = field(default_factory=dict)


def adapt(
    settings: TaptSettings,
    backbone: BackboneSettings,
    audio: Ragged,
    rows: NDArray[np.int64],
    seeds: SeedTree,
    device: str,
    progress: Progress | None = None,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> Adapted:
    """Adapt `backbone` to the utterances `rows` of `audio` (int16 waveforms); no other row is read.

    Losses, masks, optimiser and schedule are those of after_spec.md, D17 to D21, with the choices of
    `TaptSettings`. A `checkpoint` with the state of a killed adaptation is gone on from, to the same bits.

    Raises:
        BadValue: when the device cannot compute in `precision`, or clusters or their layer are not there.
        NoQuantizer: when the objective needs a quantiser that the backbone does not have.
        TooFewUtterances: when no row is long enough to mask two of four frames.
        DivergedTraining: when a loss or gradient is not finite.
        CollapsedAdaptation: when the targets, or what is predicted, no longer depend on the audio.
    """
    started = time.perf_counter()
    check_precision(settings.precision, device)
    state = _fitting(checkpoint.load(), device)
    rows = usable(audio, rows, configuration(backbone))
    objective = _objective(settings, backbone, audio, rows, seeds, device, state)
    checkpoint = checkpoint.carrying(objective.found(), {})
    journal = Journal(settings, objective, progress)
    training = Training(objective.to(device).train(), settings, device, journal, started)
    with seeded_dropout(objective, seeds.child("dropout")):
        if state is not None:
            training.load(state)
            del state  # as large as three networks
        batches = Batches(objective, audio, rows, seeds, device)
        with closing(ahead(batches.after(training.place))) as prepared:
            for batch in itertools.islice(prepared, settings.steps - training.step):
                training.update(batch)
                if checkpoint.due:
                    training.save(checkpoint)
    return Adapted(
        arrays(objective.backbone),
        journal.measures(),
        journal.history,
        objective.details(),
        training.resumed,
        training.seconds_before,
        objective.heads(),
    )


def _fitting(state: State | None, device: str) -> State | None:
    """The state of a checkpoint if it can be gone on from here."""
    return state if state is not None and fits(state.values, device) else None


def _objective(
    settings: TaptSettings,
    backbone: BackboneSettings,
    audio: Ragged,
    rows: NDArray[np.int64],
    seeds: SeedTree,
    device: str,
    state: State | None,
) -> Objective:
    """The objective with its new weights, and with the clusters of a checkpoint where there are some."""
    if objective_of(settings, backbone) == "quantizer":
        return QuantizerObjective(build_for_adaptation(backbone), settings, seeds.child("tokens").torch())
    network = build(backbone).to(device)
    labels = None if state is None else kept_labels(state.arrays)
    if labels is None:
        labels = label_frames(network, audio, rows, settings, seeds.child("labels"), device)
    return ClusterObjective(network, labels, settings, seeds.child("clusters").torch())


def trained_objective(
    settings: TaptSettings, backbone: BackboneSettings, weights: Weights | None, heads: Weights
) -> Objective:
    """The objective of an adaptation as it ended, or that of pre-training, in evaluation mode.

    Args:
        settings: of the adaptation; of one that never was, what the objective would be.
        backbone: what was adapted.
        weights: of the adapted backbone; None takes backbone and heads from the files, or draws both.
        heads: what `adapt` gave beside the weights.
    """
    unused = SeedTree(0).torch()  # what is drawn here is overwritten, or read by no frame loss
    objective: Objective
    if objective_of(settings, backbone) == "quantizer":
        objective = QuantizerObjective(build_for_adaptation(backbone), settings, unused)
    else:
        labels = kept_labels(heads)
        if labels is None:
            raise ValueError("the clusters of the frames are not among the heads")
        objective = ClusterObjective(build(backbone, weights), labels, settings, unused)
    if weights is not None:
        objective.load(weights, heads)
    return objective.eval()
