"""LSSED's residual network of pyramidal convolutions on log-mel spectrograms (Fan et al., ICASSP 2021)."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from torch import Tensor

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._base import ClassifierInputs, classifiers
from after_ray.classifiers._lssed_network import LssedNetwork
from after_ray.classifiers._settings import LssedSettings
from after_ray.classifiers._spectral_classifier import SpectralClassifier
from after_ray.seeds import SeedTree


@classifiers.register("lssed")
class Lssed(SpectralClassifier[LssedNetwork]):
    """The published network with a training of ours, for none is published: cross-entropy, Adam at 1e-4.

    bf16 makes it faster on processors that have it.
    """

    def __init__(self, settings: LssedSettings, inputs: ClassifierInputs) -> None:
        super().__init__(settings, inputs)
        self._settings = settings

    @classmethod
    def build(
        cls, settings: LssedSettings, inputs: ClassifierInputs, backbone: BackboneSettings | None
    ) -> Lssed:
        """Make the classifier of `settings`; it has no backbone."""
        return cls(settings, inputs)

    def _drawn(self, seeds: SeedTree) -> LssedNetwork:
        settings, generator = self._settings, seeds.child("weights").torch()
        network = LssedNetwork(settings.depth, self._inputs.classes, settings.dropout, generator)
        return network.to(self._inputs.device)

    def _prepared(self, pieces: NDArray[Any]) -> Tensor:
        """Stored by time, shape (pieces, frames, bands); the network takes (pieces, bands, frames)."""
        return super()._prepared(pieces).transpose(1, 2)
