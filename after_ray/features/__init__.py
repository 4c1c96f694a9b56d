"""Features: what classifiers see of an utterance, computed once per corpus; one kind per file."""

from after_ray.features._base import Extractor, extractors
from after_ray.features._settings import (
    CepstralFeatures,
    FeatureSettings,
    FrontEndFeatures,
    FunctionalFeatures,
    LogMelFeatures,
    MagnitudeFeatures,
    MfccSegmentFeatures,
    WaveformFeatures,
)

__all__ = [
    "CepstralFeatures",
    "Extractor",
    "FeatureSettings",
    "FrontEndFeatures",
    "FunctionalFeatures",
    "LogMelFeatures",
    "MagnitudeFeatures",
    "MfccSegmentFeatures",
    "WaveformFeatures",
    "extractors",
]
