"""AFTER's classifier: the backbone's transformer encoder, fine-tuned on the labelled utterances."""

from __future__ import annotations

import torch

from after_ray.backbones._transformers import Backbone
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._backbone_classifier import BackboneClassifier
from after_ray.classifiers._base import ClassifierInputs, classifiers
from after_ray.classifiers._pooled_network import PooledNetwork
from after_ray.classifiers._settings import PooledTransformerSettings


@classifiers.register("pooled_transformer")
class PooledTransformer(BackboneClassifier[PooledNetwork]):
    """Transformer encoder, ReLU, masked mean over time, linear layer."""

    def __init__(
        self, settings: PooledTransformerSettings, backbone: BackboneSettings, inputs: ClassifierInputs
    ) -> None:
        super().__init__(settings, backbone, inputs)
        self._settings = settings

    @classmethod
    def build(
        cls, settings: PooledTransformerSettings, inputs: ClassifierInputs, backbone: BackboneSettings | None
    ) -> PooledTransformer:
        """Make the classifier of `settings` on `backbone`."""
        return cls(settings, settings.needed(backbone), inputs)

    def _on(self, backbone: Backbone, generator: torch.Generator) -> PooledNetwork:
        return PooledNetwork(backbone, self._inputs.classes, self._settings, generator)
