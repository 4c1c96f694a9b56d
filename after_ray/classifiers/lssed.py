"""LSSED's residual network of pyramidal convolutions on log-mel spectrograms (Fan et al., ICASSP 2021)."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from torch import Tensor

from after_ray.classifiers._base import classifiers
from after_ray.classifiers._lssed_network import LssedNetwork
from after_ray.classifiers._settings import LssedSettings
from after_ray.classifiers._spectral_classifier import SpectralClassifier
from after_ray.seeds import SeedTree


@classifiers.register("lssed")
class Lssed(SpectralClassifier[LssedNetwork, LssedSettings]):
    """The published network with a training of ours, for none is published: cross-entropy, Adam at 1e-4.

    bf16 makes it faster on processors that have it.
    """

    def _drawn(self, seeds: SeedTree) -> LssedNetwork:
        settings, generator = self._settings, seeds.child("weights").torch()
        network = LssedNetwork(settings.depth, self._inputs.classes, settings.dropout, generator)
        return network.to(self._inputs.device)

    def _prepared(self, pieces: NDArray[Any]) -> Tensor:
        """Stored by time, shape (pieces, frames, bands); the network takes (pieces, bands, frames)."""
        return super()._prepared(pieces).transpose(1, 2)
