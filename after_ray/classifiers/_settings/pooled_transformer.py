"""Settings of AFTER's classifier."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings._on_backbone import OnBackbone
from after_ray.features._settings import FeatureSettings, WaveformFeatures
from after_ray.settings import neutral


class PooledTransformerSettings(OnBackbone):
    """AFTER's classifier: transformer encoder, masked mean over time, linear layer.

    With `freeze_front_end: false` the convolutional front end is trained as well, from waveforms (D22).
    """

    version: ClassVar[int] = 2  # 2: passes cut at the least cost, dropout on processors from a generator

    name: Literal["pooled_transformer"] = "pooled_transformer"
    freeze_front_end: bool = neutral(True)
    freeze_projection: bool = True
    drop_last_frame: bool = False

    @model_validator(mode="after")
    def _nothing_frozen_above_what_is_trained(self) -> PooledTransformerSettings:
        if self.freeze_projection and not self.freeze_front_end:
            raise ValueError(
                "'freeze_front_end: false' trains the layers below the projection, which cannot stay frozen "
                "then; add 'freeze_projection: false', or leave the front end frozen"
            )
        return self

    @property
    def front_end_trained(self) -> bool:
        """Whether the convolutional front end is trained as well, from waveforms."""
        return not self.freeze_front_end

    @property
    def projection_trained(self) -> bool:
        """Whether the layer between front end and encoder is trained as well."""
        return not self.freeze_projection

    def features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """The features this classifier is trained on."""
        frozen = self.initial_features(backbone)
        return WaveformFeatures(max_seconds=self.max_seconds) if self.front_end_trained else frozen

    def initial_features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """Output of the frozen front end, also where a front end is trained (D7)."""
        return super().features(backbone)
