"""Settings of Light-SERNet."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings._base import Stepped
from after_ray.features._settings import CepstralFeatures, FeatureSettings


class LightSerNetSettings(Stepped):
    """Light-SERNet (Aftab et al. 2022) with its own schedule in optimiser steps.

    The published 300 epochs are about 38,000 steps on IEMOCAP; `steps` scales the schedule as a whole,
    learning-rate drops at the published shares of it.
    """

    dropout_in: ClassVar[str] = "dropout"

    name: Literal["light_sernet"] = "light_sernet"
    seconds: Literal[3, 7] = 3
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    focal_gamma: float = Field(default=2.0, ge=0)
    dropout: float = Field(default=0.3, ge=0, lt=1)

    def features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """The features this classifier is trained on."""
        return CepstralFeatures(seconds=self.seconds)
