"""Settings of w2v2-L-r-12."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from after_ray.backbones.identity import encoder_layers
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings._on_backbone import OnBackbone
from after_ray.errors import TooManyLayers
from after_ray.features._settings import FeatureSettings, FrontEndFeatures
from after_ray.training.settings import FittingSettings


class W2v2LR12Fitting(FittingSettings):
    """The original's: Adam at a constant 1e-4, batches of 32, 5 epochs, best weights by validation.

    `min_updates` is not: 5 epochs, and 200 updates at least, so that small rounds are trained longer.
    """

    max_epochs: int = Field(default=5, ge=1)
    batch_size: int = Field(default=32, ge=1)


class W2v2LR12Settings(OnBackbone):
    """w2v2-L-r-12 (Wagner et al. 2023): the first 12 layers of wav2vec2-large-robust, all of them trained.

    The study names the backbone, cut: `{name: facebook/wav2vec2-large-robust, layers: 12}`. Instead of
    arousal, dominance and valence the head has classes, and the loss is cross-entropy. `encoder_dropout` is
    that of hidden states, attention, activations and the projection (None: as the backbone's files say).
    SpecAugment is not in the paper; the numbers are those of transformers where nothing is said.

    `pooling: unmasked` is the model card's: every utterance is padded to `max_seconds`, and padding is
    attended to and averaged like speech, which changes every score.
    """

    layers: ClassVar[int] = 12

    name: Literal["w2v2_l_r_12"] = "w2v2_l_r_12"
    pooling: Literal["masked", "unmasked"] = "masked"
    encoder_dropout: Annotated[float, Field(ge=0, lt=1)] | None = 0.1
    head_dropout: float = Field(default=0.1, ge=0, lt=1)
    mask_time_probability: float = Field(default=0.05, ge=0, lt=1)
    mask_time_span: int = Field(default=10, ge=1)
    mask_feature_probability: float = Field(default=0.0, ge=0, lt=1)
    fitting: W2v2LR12Fitting = W2v2LR12Fitting()

    def features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """Output of the frozen front end, from waveforms of mean 0 and variance 1."""
        needed = self.needed(backbone)
        return FrontEndFeatures(backbone=needed, max_seconds=self.max_seconds, standardised=True)

    def check_backbone(self, backbone: BackboneSettings) -> None:
        """Refuse a backbone of more than 12 layers, which would be another and larger model.

        Raises:
            TooManyLayers: saying how to cut it.
            MissingBackbone: when the named files are not there or cannot be used.
        """
        there = encoder_layers(backbone)
        if there > self.layers:
            raise TooManyLayers(self.name, backbone.name, there, self.layers)
