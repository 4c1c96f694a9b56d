"""Light-SERNet: a small convolutional network on cepstral coefficients (Aftab et al., ICASSP 2022)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._base import (
    ClassifierInputs,
    FitReport,
    Labelled,
    classifiers,
)
from after_ray.classifiers._batch_norm import recompute_statistics
from after_ray.classifiers._light_network import LightNetwork, focal_loss
from after_ray.classifiers._network_classifier import NetworkClassifier
from after_ray.classifiers._settings import LightSerNetSettings
from after_ray.learning.fit import FitPlan, fit_network
from after_ray.learning.precision import passes
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import NO_CHECKPOINT, Checkpoint
from after_ray.weights import Weights

Rows = NDArray[np.int64]

L2 = 1e-6
SCORING_BATCH = 64
# The published schedule in epochs; ours are optimiser steps, the drops at the same shares of the whole.
PUBLISHED_EPOCHS = 300
EPOCHS_PER_DROP = 20
EPOCHS_WITHOUT_DROP = 50  # 50 is no multiple of 20: the first drop is at 60
DROP = math.exp(-0.15)


@classifiers.register("light_sernet")
class LightSerNet(NetworkClassifier[LightNetwork]):
    """The published network, losses and schedule, with batch-norm statistics of the whole labelled set.

    Those statistics are taken anew before every evaluation and are kept with the weights; the moving average
    of the original leaves small labelled sets at chance (protocol ruling 7). Weights are chosen by the
    validation cross-entropy, whichever loss is trained on.

    `precision` is that of training steps, and of nothing else: bf16 doubles the speed of processors that
    have it.
    """

    def __init__(self, settings: LightSerNetSettings, inputs: ClassifierInputs) -> None:
        super().__init__(inputs, settings.precision)
        self._settings = settings

    @classmethod
    def build(
        cls, settings: LightSerNetSettings, inputs: ClassifierInputs, backbone: BackboneSettings | None
    ) -> LightSerNet:
        """Make the classifier of `settings`; it has no backbone."""
        return cls(settings, inputs)

    def fit(
        self,
        train: Labelled,
        validation: Labelled,
        *,
        start: Weights | None,
        seeds: SeedTree,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> FitReport:
        """Train for `steps` updates from random weights or from `start`, keep the best validation loss."""
        settings, network = self._settings, self._begin(start, seeds)
        optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)

        def set_rate(steps_taken: int) -> None:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(steps_taken, settings)

        return fit_network(
            network,
            step=self._loss_of(train),
            epoch_batches=lambda generator: even_batches(train.rows, settings.batch_size, generator),
            validation_loss=lambda: self._validation_loss(validation),
            optimizer=optimizer,
            plan=FitPlan(settings.steps, math.ceil(settings.steps / settings.evaluations)),
            seeds=seeds,
            on_step=set_rate,
            before_evaluation=lambda: self._recompute_statistics(train.rows),
            precision=self._precision,
            checkpoint=checkpoint,
        )

    def _drawn(self, seeds: SeedTree) -> LightNetwork:
        generator = seeds.child("weights").torch()
        return LightNetwork(self._inputs.classes, self._settings.dropout, generator).to(self._inputs.device)

    def _representation(self) -> Callable[..., Tensor]:
        return self._network.embed

    def _loss_of(self, train: Labelled) -> Callable[[Rows], Tensor]:
        """The training loss of rows of `train`: cross-entropy or focal loss, and the L2 penalty."""
        labels_of = self._labels_of(train)
        gamma = self._settings.focal_gamma if self._settings.loss == "focal" else 0.0

        def loss(rows: Rows) -> Tensor:
            with passes(self._precision, self._inputs.device):
                logits = self._network(self._cepstra(rows))
            return focal_loss(logits.float(), labels_of(rows), gamma) + L2 * self._network.penalty()

        return loss

    def _recompute_statistics(self, rows: Rows) -> None:
        # Neighbouring rows share their speaker: every batch takes rows from all over the labelled set.
        parts = math.ceil(len(rows) / SCORING_BATCH)
        batches = (self._cepstra(rows[first::parts]) for first in range(parts))
        recompute_statistics(self._network, batches, self._network)

    @torch.no_grad()
    def _outputs(self, rows: Rows, function: Callable[..., Tensor]) -> NDArray[np.float32]:
        self._network.eval()
        parts = [rows[first : first + SCORING_BATCH] for first in range(0, len(rows), SCORING_BATCH)]
        return torch.cat([function(self._cepstra(part)).cpu() for part in parts]).numpy()

    def _cepstra(self, rows: Rows) -> Tensor:
        """Inputs of shape (len(rows), frames, 40)."""
        features = np.stack([self._inputs.features[row] for row in rows.tolist()])
        return self._to_device(features)


def learning_rate(steps_taken: int, settings: LightSerNetSettings) -> float:
    """Learning rate of the step after `steps_taken`: times e^-0.15 at 60, 80 ... 280 of 300 epochs."""
    epoch = PUBLISHED_EPOCHS * steps_taken // settings.steps
    drops = max(0, epoch // EPOCHS_PER_DROP - EPOCHS_WITHOUT_DROP // EPOCHS_PER_DROP)
    return settings.learning_rate * DROP**drops


def even_batches(rows: Rows, batch_size: int, generator: np.random.Generator) -> list[Rows]:
    """One epoch: `rows` in random order, in as few batches as `batch_size` allows, sizes differing by one.

    A short last batch would be normalised by the statistics of very few utterances.
    """
    return np.array_split(generator.permutation(rows), math.ceil(len(rows) / batch_size))
