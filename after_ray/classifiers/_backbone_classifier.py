"""What all classifiers that fine-tune a backbone have in common: passes, masks, losses, training, scores."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.parametrize import cached

from after_ray.audio.passes import length_passes
from after_ray.backbones._transformers import Backbone
from after_ray.backbones.dropout import draw_dropout
from after_ray.backbones.loading import build, configuration, frames, shortest
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._backbone_network import BackboneNetwork, augmentation
from after_ray.classifiers._base import ClassifierInputs, FitReport, Labelled
from after_ray.classifiers._network_classifier import NetworkClassifier
from after_ray.classifiers._settings import OnBackbone
from after_ray.environment import release_free_memory
from after_ray.features.waveform import FULL_SCALE
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import NO_CHECKPOINT, Checkpoint
from after_ray.training.fit import epochs_plan, fit_network, in_batches
from after_ray.training.precision import kind_of, passes
from after_ray.training.settings import Precision
from after_ray.weights import Weights


class Limits(NamedTuple):
    """Of one pass: padded frames, frames where the front end is trained too, and its cost in frames.

    The cost is what a device could compute in the time that a pass takes beside its frames: a processor
    hardly waits, a GPU for the launch of some thousand kernels, and what it pads meanwhile costs nothing. A
    processor gains nothing by larger passes, which take its memory.
    """

    frames: int
    live_frames: int
    cost: int


LIMITS = {"cpu": Limits(1_000, 1_000, 50), "cuda": Limits(16_000, 2_000, 4_000)}
TRIM_EVERY = 50  # passes of scoring
# Of a GPU's memory that a pass takes per frame, layer and unit of width; measured on wav2vec2-base.
BYTES = {"bf16": 50, "fp16": 50, "fp32": 100}


def fitting_frames(memory: int, units: int, precision: Precision) -> int:
    """Frames of a pass that take half of `memory` (bytes) where all layers together have so many units."""
    return max(1, memory // 2 // (units * BYTES[precision]))


Tuned = TypeVar("Tuned", bound=BackboneNetwork)


class BackboneClassifier(NetworkClassifier[Tuned]):
    """Trains a backbone's encoder with a head on it, by Adam at a constant rate.

    `inputs.features` are outputs of the front end, or int16 waveforms where it is trained as well;
    `inputs.backbone` the adapted weights, None for the backbone as it is. SpecAugment is applied in training
    only. Losses are means over the utterances of a step, however many passes it takes.

    Subclasses say what the network is.
    """

    def __init__(self, settings: OnBackbone, backbone: BackboneSettings, inputs: ClassifierInputs) -> None:
        super().__init__(inputs, settings.fitting.precision)
        self._tuning = settings
        self._backbone = backbone
        self._live = settings.front_end_trained
        self._lengths = inputs.features.lengths
        if self._live:
            config = configuration(backbone)
            self._shortest = shortest(config)
            self._lengths = np.array([frames(config, samples) for samples in self._lengths.tolist()])

    @abstractmethod
    def _on(self, backbone: Backbone, generator: torch.Generator) -> Tuned:
        """The network on a backbone, its head drawn from the generator."""

    def fit(
        self,
        train: Labelled,
        validation: Labelled,
        *,
        start: Weights | None,
        seeds: SeedTree,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> FitReport:
        """Train with Adam from the adapted backbone or from `start`, keep the best validation loss."""
        network = self._begin(start, seeds)
        fitting, masks = self._tuning.fitting, seeds.child("masks").generator()
        generators = {"masks": masks}
        if kind_of(self._inputs.device) == "cpu" and not self._inputs.compile:  # else torch draws fast
            generators["dropout"] = seeds.child("dropout", "drawn").generator()
            draw_dropout(network, generators["dropout"])
        labels_of, weights = self._labels_of(train), self._class_weights(train)

        def step(rows: NDArray[np.int64]) -> Tensor:
            logits, labels = self._logits(rows, masks), labels_of(rows)
            if train.targets is not None:  # the weights are then inside the sum over classes
                return cross_entropy(logits, labels, weight=weights, reduction="none").mean()
            # Not torch's weighted mean: its divisor depends on which utterances share a pass.
            return (cross_entropy(logits, labels, reduction="none") * weights[labels]).mean()

        report = fit_network(
            network,
            step=step,
            epoch_batches=lambda generator: self._epoch(train, generator),
            validation_loss=lambda: self._validation_loss(validation),
            optimizer=torch.optim.Adam(self._trained().values(), lr=fitting.learning_rate),
            plan=epochs_plan(len(train.rows), fitting),
            seeds=seeds,
            micro_batches=lambda rows: [rows[part] for part in self._passes(rows)],
            generators=generators,
            precision=self._precision,
            checkpoint=checkpoint,
        )
        return replace(report, compiled=self._inputs.compile)

    def _drawn(self, seeds: SeedTree) -> Tuned:
        backbone = build(self._backbone, self._inputs.backbone)
        network = self._on(backbone, seeds.child("head").torch())
        if self._inputs.compile:
            network.compile(dynamic=True)  # in place: names of parameters stay
        return network.to(self._inputs.device)

    def _representation(self) -> Callable[..., Tensor]:
        return self._network.pooled

    def _trained(self) -> dict[str, Tensor]:
        """Encoder and head, projection and front end unless frozen; the rest is the adapted backbone's."""
        return {name: value for name, value in self._network.named_parameters() if value.requires_grad}

    def _epoch(self, train: Labelled, generator: np.random.Generator) -> Sequence[NDArray[np.int64]]:
        """The rows of every optimiser step of one epoch."""
        fitting = self._tuning.fitting
        if fitting.order == "acquired" and train.acquired is not None:
            order = train.acquired
        else:
            order = generator.permutation(train.rows)
        return in_batches(order, fitting.batch_size, drop_last=fitting.drop_last)

    def _class_weights(self, train: Labelled) -> Tensor:
        """One weight per class, their mean over the labelled utterances being 1.

        Inverse frequency counts one utterance more of every class, so that one without any has a finite
        weight (D13, D32). Targets count by their shares.
        """
        counts = train.counts(self._inputs.classes)
        inverse = np.ones(len(counts))
        if self._tuning.fitting.class_weights == "inverse_frequency":
            inverse = 1 / (counts + 1)
        scaled = inverse * counts.sum() / (inverse * counts).sum()
        return self._to_device(scaled.astype(np.float32))

    def _logits(self, rows: NDArray[np.int64], masks: np.random.Generator) -> Tensor:
        """Logits with SpecAugment masks drawn from `masks`."""
        time_mask, feature_mask = augmentation(
            self._lengths[rows], self._network.mask_vector.numel(), self._tuning, masks
        )
        with passes(self._precision, self._inputs.device):
            features, lengths = self._padded(rows)
            return self._network(
                features,
                lengths,
                None if time_mask is None else self._to_device(time_mask.numpy()),
                None if feature_mask is None else self._to_device(feature_mask.numpy()),
            ).float()

    @torch.no_grad()
    def _outputs(self, rows: NDArray[np.int64], function: Callable[..., Tensor]) -> NDArray[np.float32]:
        self._network.eval()
        parts, scored = self._passes(rows), []
        # Around all passes: weights are converted, and those given by a norm and a direction made, once.
        once = nullcontext() if self._inputs.compile else cached()  # which would compile new graphs each time
        with passes(self._precision, self._inputs.device), once:
            for number, part in enumerate(parts, start=1):
                scored.append(function(*self._padded(rows[part])).float().cpu().numpy())
                if number % TRIM_EVERY == 0:
                    release_free_memory()
        result = np.concatenate(scored)
        result[np.concatenate(parts)] = result.copy()
        return result

    def _passes(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Positions in `rows` that go through the network together: alike in length, capped in frames."""
        limits = LIMITS[kind_of(self._inputs.device)]
        most = limits.live_frames if self._live else limits.frames
        if kind_of(self._inputs.device) == "cuda":
            most = min(most, self._fitting)
        return length_passes(self._lengths[rows], max_frames=most, pass_cost=limits.cost)

    @cached_property
    def _fitting(self) -> int:
        """Frames of a pass that fit in half of the GPU's memory; the rest is for weights and neighbours."""
        memory = torch.cuda.get_device_properties(self._inputs.device).total_memory
        config = configuration(self._backbone)
        return fitting_frames(memory, config.num_hidden_layers * config.hidden_size, self._precision)

    def _padded(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor | None]:
        """Front-end outputs padded with zeros to the longest, shape (len(rows), frames, width), and the
        lengths; None where all are equal and nothing is padded.
        """
        lengths = self._lengths[rows]
        features = self._network.heard(self._waves(rows)) if self._live else self._stored(rows)
        return features, self._to_device(lengths) if lengths.min() < lengths.max() else None

    def _stored(self, rows: NDArray[np.int64]) -> Tensor:
        features = self._inputs.features
        padded = np.zeros((len(rows), int(self._lengths[rows].max()), *features.inner), features.dtype)
        for index, row in enumerate(rows.tolist()):
            padded[index, : features.lengths[row]] = features[row]
        return self._to_device(padded).float()

    def _waves(self, rows: NDArray[np.int64]) -> list[Tensor]:
        """Samples in [-1, 1]; what is shorter than one frame is padded with zeros to one."""
        waves = (np.array(self._inputs.features[row]) for row in rows.tolist())
        whole = (np.pad(wave, (0, max(0, self._shortest - len(wave)))) for wave in waves)
        return [self._to_device(wave).float() / float(FULL_SCALE) for wave in whole]
