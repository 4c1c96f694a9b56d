"""Settings of AFTER's classifier."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings._base import Trained
from after_ray.features._settings import FeatureSettings, FrontEndFeatures, WaveformFeatures
from after_ray.learning.settings import FittingSettings, Precision
from after_ray.settings import neutral


class PooledTransformerSettings(Trained):
    """AFTER's classifier: transformer encoder, masked mean over time, linear layer.

    With `freeze_front_end: false` the convolutional front end is trained as well, from waveforms (D22).
    """

    version: ClassVar[int] = 2  # 2: passes cut at the least cost, dropout on processors from a generator
    on_backbone: ClassVar[bool] = True
    dropout_in: ClassVar[str] = "head_dropout"

    name: Literal["pooled_transformer"] = "pooled_transformer"
    max_seconds: float = Field(default=10.0, gt=0)
    freeze_front_end: bool = neutral(True)
    freeze_projection: bool = True
    drop_last_frame: bool = False
    head_dropout: float = Field(default=0.0, ge=0, lt=1)
    mask_time_probability: float = Field(default=0.08, ge=0, lt=1)
    mask_time_span: int = Field(default=15, ge=1)
    mask_time_min_spans: int = Field(default=2, ge=0)
    mask_feature_probability: float = Field(default=0.05, ge=0, lt=1)
    mask_feature_span: int = Field(default=64, ge=1)
    mask_feature_min_spans: int = Field(default=1, ge=0)
    fitting: FittingSettings = FittingSettings()

    @model_validator(mode="after")
    def _nothing_frozen_above_what_is_trained(self) -> PooledTransformerSettings:
        if self.freeze_projection and not self.freeze_front_end:
            raise ValueError(
                "'freeze_front_end: false' trains the layers below the projection, which cannot stay frozen "
                "then; add 'freeze_projection: false', or leave the front end frozen"
            )
        return self

    def features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """The features this classifier is trained on."""
        frozen = self.initial_features(backbone)
        return frozen if self.freeze_front_end else WaveformFeatures(max_seconds=self.max_seconds)

    @property
    def of_passes(self) -> Precision:
        """That of the fitting."""
        return self.fitting.precision

    def initial_features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """Output of the frozen front end, also where a front end is trained (D7)."""
        if backbone is None:
            raise ValueError("pooled_transformer needs a backbone")
        return FrontEndFeatures(backbone=backbone, max_seconds=self.max_seconds)
