"""Light-SERNet: a small convolutional network on cepstral coefficients (Aftab et al., ICASSP 2022)."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from after_ray.classifiers._base import classifiers
from after_ray.classifiers._light_network import LightNetwork, focal_loss
from after_ray.classifiers._settings import LightSerNetSettings
from after_ray.classifiers._spectral_classifier import SpectralClassifier
from after_ray.seeds import SeedTree

L2 = 1e-6
# The published schedule in epochs; ours are optimiser steps, the drops at the same shares of the whole.
PUBLISHED_EPOCHS = 300
EPOCHS_PER_DROP = 20
EPOCHS_WITHOUT_DROP = 50  # 50 is no multiple of 20: the first drop is at 60
DROP = math.exp(-0.15)


@classifiers.register("light_sernet")
class LightSerNet(SpectralClassifier[LightNetwork, LightSerNetSettings]):
    """The published network, losses and schedule, on the cepstra of one stretch of every utterance.

    The moving average of the original's batch norm leaves small labelled sets at chance, so statistics are
    those of the whole labelled set. bf16 doubles the speed of processors that have it.
    """

    def _drawn(self, seeds: SeedTree) -> LightNetwork:
        generator = seeds.child("weights").torch()
        return LightNetwork(self._inputs.classes, self._settings.dropout, generator).to(self._inputs.device)

    def _loss(self, inputs: Tensor, labels: Tensor, draws: np.random.Generator) -> Tensor:
        """Cross-entropy or focal loss, of labels or of targets, and the L2 penalty of the body."""
        gamma = self._settings.focal_gamma if self._settings.loss == "focal" else 0.0
        return focal_loss(self._logits(inputs), labels, gamma) + L2 * self._network.penalty()

    def _multiplier(self, taken: int, updates: int) -> float:
        return multiplier(taken, updates)


def multiplier(taken: int, updates: int) -> float:
    """Share of the learning rate in the step after `taken`: times e^-0.15 at 60, 80 ... 280 of 300 epochs."""
    epoch = PUBLISHED_EPOCHS * taken // updates
    drops = max(0, epoch // EPOCHS_PER_DROP - EPOCHS_WITHOUT_DROP // EPOCHS_PER_DROP)
    return DROP**drops
