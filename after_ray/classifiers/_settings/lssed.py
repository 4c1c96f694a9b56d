"""Settings of LSSED's network."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings._base import Stepped
from after_ray.features._settings import FeatureSettings, LogMelFeatures


class LssedSettings(Stepped):
    """PyConvResNet of LSSED (Fan et al. 2021), on log-mel spectrograms, with its schedule in optimiser steps.

    The authors publish the network alone, neither features nor training: both are ours. 50 epochs are about
    6,300 steps on IEMOCAP, and the usual 3,000 are 50 epochs of 1,900 clips; `epochs: 50` says it exactly.
    Validation loss that has not fallen for 5 of the 20 evaluations ends a training. AFTER does not say which
    `depth` it used.
    """

    dropout_in: ClassVar[str] = "dropout"
    scheduled: ClassVar[bool] = False

    name: Literal["lssed"] = "lssed"
    depth: Literal[50, 101, 152] = 50
    seconds: float = Field(default=3.0, ge=0.32)  # the network halves 32 frames five times
    dropout: float = Field(default=0.5, ge=0, lt=1)
    patience: int = Field(default=5, ge=0)

    def features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """The features this classifier is trained on."""
        return LogMelFeatures(seconds=self.seconds)
