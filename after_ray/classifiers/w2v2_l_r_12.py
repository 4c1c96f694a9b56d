"""w2v2-L-r-12: the first layers of a large wav2vec 2.0, all fine-tuned (Wagner et al., IEEE TPAMI 2023)."""

from __future__ import annotations

import numpy as np
import torch

from after_ray.backbones._transformers import Backbone
from after_ray.backbones.loading import configuration, frames
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._backbone_classifier import BackboneClassifier
from after_ray.classifiers._base import ClassifierInputs, classifiers
from after_ray.classifiers._settings import W2v2LR12Settings
from after_ray.classifiers._w2v2_l_r_12_network import W2v2LR12Network

SAMPLE_RATE = 16_000


@classifiers.register("w2v2_l_r_12")
class W2v2LR12(BackboneClassifier[W2v2LR12Network]):
    """Mean over time and a head with one hidden layer; embeddings are what its last linear layer sees.

    Draws of dropout are those of the last dropout, between the two. Without a mask every utterance is padded
    with frames of zeros to the same length, so that padding matters and neighbours do not; the original pads
    with silence to the longest of a batch.
    """

    def __init__(
        self, settings: W2v2LR12Settings, backbone: BackboneSettings, inputs: ClassifierInputs
    ) -> None:
        settings.check_backbone(backbone)
        super().__init__(settings, backbone, inputs)
        self._settings = settings
        if settings.pooling == "unmasked":
            longest = frames(configuration(backbone), round(settings.max_seconds * SAMPLE_RATE))
            self._lengths = np.full_like(self._lengths, longest)

    @classmethod
    def build(
        cls, settings: W2v2LR12Settings, inputs: ClassifierInputs, backbone: BackboneSettings | None
    ) -> W2v2LR12:
        """Make the classifier of `settings` on `backbone`.

        Raises:
            TooManyLayers: for a backbone of more than 12 layers.
        """
        return cls(settings, settings.needed(backbone), inputs)

    def _on(self, backbone: Backbone, generator: torch.Generator) -> W2v2LR12Network:
        return W2v2LR12Network(backbone, self._inputs.classes, self._settings, generator)
