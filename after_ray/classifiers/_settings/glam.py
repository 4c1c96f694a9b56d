"""Settings of GLAM."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings._base import Stepped
from after_ray.features._settings import FeatureSettings, MfccSegmentFeatures, Segmented


class GlamSettings(Segmented, Stepped):
    """GLAM (Zhu & Li 2022): batches of segments, mixed in pairs, with its own schedule in optimiser steps.

    The published 50 epochs are about 2,500 steps on the 270 training clips of EMO-DB, which the
    default covers, and 94,000 on IEMOCAP, where clips are longer and more; `epochs: 50` asks for them
    whatever the corpus. The published dropout of 0.5 is declared and never applied, which is 0 here.
    `class_weights` weighs the loss of each class with 1 - its share of the labelled segments.
    """

    dropout_in: ClassVar[str] = "dropout"

    name: Literal["glam"] = "glam"
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-6, ge=0)
    mixup_alpha: float = Field(default=0.5, ge=0, description="of Beta(alpha, alpha); 0 mixes nothing")
    class_weights: bool = False
    dropout: float = Field(default=0.0, ge=0, lt=1)

    def features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """The features this classifier is trained on."""
        return MfccSegmentFeatures(seconds=self.seconds, overlap=self.overlap)
