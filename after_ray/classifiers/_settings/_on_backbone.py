"""What the settings of every classifier on a backbone can say."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings._base import Trained
from after_ray.features._settings import FeatureSettings, FrontEndFeatures
from after_ray.training.settings import FittingSettings, Precision


class OnBackbone(Trained):
    """A transformer encoder fine-tuned with a head, on the first `max_seconds` of every utterance.

    `mask_...` are SpecAugment in training: spans of frames and of columns of the projected features.
    """

    on_backbone: ClassVar[bool] = True
    dropout_in: ClassVar[str] = "head_dropout"

    max_seconds: float = Field(default=10.0, gt=0)
    head_dropout: float = Field(default=0.0, ge=0, lt=1)
    mask_time_probability: float = Field(default=0.08, ge=0, lt=1)
    mask_time_span: int = Field(default=15, ge=1)
    mask_time_min_spans: int = Field(default=2, ge=0)
    mask_feature_probability: float = Field(default=0.05, ge=0, lt=1)
    mask_feature_span: int = Field(default=64, ge=1)
    mask_feature_min_spans: int = Field(default=1, ge=0)
    fitting: FittingSettings = FittingSettings()

    @property
    def front_end_trained(self) -> bool:
        """Whether the convolutional front end is trained as well, from waveforms."""
        return False

    @property
    def projection_trained(self) -> bool:
        """Whether the layer between front end and encoder is trained as well."""
        return True

    @property
    def of_passes(self) -> Precision:
        """That of the fitting."""
        return self.fitting.precision

    def features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """The features this classifier is trained on: output of the frozen front end."""
        return FrontEndFeatures(backbone=self.needed(backbone), max_seconds=self.max_seconds)

    def needed(self, backbone: BackboneSettings | None) -> BackboneSettings:
        """The backbone, which cannot be missing.

        Raises:
            ValueError: where it is.
        """
        if backbone is None:
            raise ValueError(f"{self.name} needs a backbone")
        return backbone
