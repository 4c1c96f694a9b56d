"""Settings of the functionals with logistic regression."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings._base import Trained
from after_ray.features._settings import FeatureSettings, FunctionalFeatures


class FunctionalsSettings(Trained):
    """Acoustic functionals, standardised, with multinomial logistic regression."""

    on_gpu: ClassVar[bool] = False
    continues: ClassVar[bool] = False

    name: Literal["functionals"] = "functionals"
    regularization: float = Field(default=1.0, gt=0, description="inverse strength C of the L2 penalty")

    def features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """The features this classifier is trained on."""
        return FunctionalFeatures()
