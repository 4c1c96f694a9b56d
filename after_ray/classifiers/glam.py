"""GLAM: global-aware fusion of multi-scale convolutions over segments (Zhu & Li, ICASSP 2022)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from after_ray.classifiers._base import Labelled, classifiers
from after_ray.classifiers._glam_network import GlamNetwork
from after_ray.classifiers._settings import GlamSettings
from after_ray.classifiers._spectral_classifier import SpectralClassifier
from after_ray.seeds import SeedTree

# The published schedule in epochs; ours are optimiser steps, the drops at the same shares of the whole.
PUBLISHED_EPOCHS = 50
DROP_PER_EPOCH = 0.95


@classifiers.register("glam")
class Glam(SpectralClassifier[GlamNetwork, GlamSettings]):
    """The published network, mixup and schedule, on overlapping segments of every utterance.

    An utterance's logits are the mean over its segments. What the linear layer sees of 1.8 s are 23,296
    numbers: strategies that work on embeddings of a large pool need gigabytes of memory.
    """

    in_pieces: ClassVar[bool] = True
    _class_weights: Tensor | None = None

    def _look_at(self, train: Labelled) -> None:
        """Weights of the classes, where they are weighed."""
        if self._settings.class_weights:
            segments = self._inputs.features.lengths[train.rows]
            self._class_weights = self._to_device(class_weights(train.counts(self._inputs.classes, segments)))

    def _drawn(self, seeds: SeedTree) -> GlamNetwork:
        coefficients, times = self._inputs.features.inner
        network = GlamNetwork(
            self._inputs.classes,
            (coefficients, times),
            self._settings.dropout,
            seeds.child("weights").torch(),
        )
        return network.to(self._inputs.device)

    def _loss(self, inputs: Tensor, labels: Tensor, draws: np.random.Generator) -> Tensor:
        """Cross-entropy of mixed segments: the loss of each one's label by its share in the mixture."""
        share, partners = drawn_mixture(len(inputs), self._settings.mixup_alpha, draws)
        others = torch.from_numpy(partners).to(inputs.device)
        logits = self._logits(share * inputs + (1 - share) * inputs[others])
        own, other = (weighted_loss(logits, one, self._class_weights) for one in (labels, labels[others]))
        return share * own + (1 - share) * other

    def _multiplier(self, taken: int, updates: int) -> float:
        return multiplier(taken, updates)


def weighted_loss(logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """Cross-entropy, the mean over a batch being one weighted by the class.

    `labels` may be targets, shape (segments, classes): an example then has the mean weight of its classes,
    for torch's own mean over targets divides by their number alone.
    """
    if weights is None or not labels.is_floating_point():
        return cross_entropy(logits, labels, weight=weights)
    return cross_entropy(logits, labels, weight=weights, reduction="sum") / (labels @ weights).sum()


def multiplier(taken: int, updates: int) -> float:
    """Share of the learning rate in the step after `taken`: times 0.95 after each of 50 epochs."""
    return float(DROP_PER_EPOCH ** (PUBLISHED_EPOCHS * taken // updates))


def drawn_mixture(count: int, alpha: float, draws: np.random.Generator) -> tuple[float, NDArray[np.int64]]:
    """The share that every one of `count` has in its mixture, and its partner (Zhang et al. 2018, mixup).

    One share of Beta(alpha, alpha) for all. With alpha 0 everyone is its own partner, and nothing is drawn.
    """
    if alpha == 0:
        return 1.0, np.arange(count)
    return float(draws.beta(alpha, alpha)), draws.permutation(count)


def class_weights(counts: NDArray[Any]) -> NDArray[np.float32]:
    """1 - the share of each class in `counts`; all 1 where a single class has everything (it would get 0)."""
    if np.count_nonzero(counts) == 1:
        return np.ones(len(counts), dtype=np.float32)
    return (1 - counts / counts.sum()).astype(np.float32)
