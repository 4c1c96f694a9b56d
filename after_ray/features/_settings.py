"""Settings of features; importable without torch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from after_ray.backbones.settings import BackboneSettings
from after_ray.settings import Settings, neutral

LEAST_SHIFT = 0.01  # seconds from the beginning of a segment to that of the next


class _Features(Settings):
    """Base of all kinds of features."""

    on_gpu: ClassVar[bool] = False  # whether a GPU would make them


class FunctionalFeatures(_Features):
    """94 acoustic functionals per utterance: MFCC statistics, pitch, voicing, level."""

    kind: Literal["functionals"] = "functionals"


class CepstralFeatures(_Features):
    """The Light-SERNet front end: 40 cepstral coefficients of `seconds` of speech, no centring."""

    kind: Literal["cepstra"] = "cepstra"
    seconds: float = Field(default=3.0, gt=0)


class Segmented(Settings):
    """Settings of what cuts utterances into overlapping segments, all of `seconds`."""

    seconds: float = Field(default=1.8, ge=0.128)  # a window of 2,048 samples at 16 kHz
    overlap: float = Field(default=1.6, ge=0)

    @model_validator(mode="after")
    def _segments_move_on(self) -> Self:
        if self.overlap > self.seconds - LEAST_SHIFT:
            raise ValueError(
                f"'overlap' is {self.overlap:g} and segments have {self.seconds:g} seconds; allowed: "
                f"beginnings at least {LEAST_SHIFT:g} seconds apart, so lower 'overlap' or raise 'seconds'"
            )
        return self


class MfccSegmentFeatures(_Features, Segmented):
    """The GLAM front end: 26 MFCC of segments of `seconds`, each `overlap` into the one before."""

    kind: Literal["mfcc_segments"] = "mfcc_segments"


class LogMelFeatures(_Features):
    """128 log-mel bands of `seconds` of speech, each clip with mean 0 and deviation 1."""

    kind: Literal["log_mel"] = "log_mel"
    seconds: float = Field(default=3.0, gt=0)


class MagnitudeFeatures(_Features):
    """Magnitudes of short-time Fourier transforms in pieces of 4 s, time reversed: what RH-emo hears."""

    kind: Literal["magnitudes"] = "magnitudes"


class FrontEndFeatures(_Features):
    """Output of a backbone's frozen convolutional front end, every utterance alone (no padding).

    `standardised` waveforms have mean 0 and variance 1, which models with layer norm were pre-trained on.
    """

    on_gpu: ClassVar[bool] = True

    kind: Literal["front_end"] = "front_end"
    backbone: BackboneSettings
    max_seconds: float = Field(default=10.0, gt=0)
    standardised: bool = neutral(False)


class WaveformFeatures(_Features):
    """The first `max_seconds` of the waveform itself, for classifiers that train the front end as well."""

    kind: Literal["waveform"] = "waveform"
    max_seconds: float = Field(default=10.0, gt=0)


FeatureSettings = Annotated[
    FunctionalFeatures
    | CepstralFeatures
    | MfccSegmentFeatures
    | LogMelFeatures
    | MagnitudeFeatures
    | FrontEndFeatures
    | WaveformFeatures,
    Field(discriminator="kind"),
]


def of_backbone(features: FeatureSettings) -> bool:
    """Whether features are made by a backbone, so that an adaptation of it changes them."""
    return isinstance(features, FrontEndFeatures)
