"""The waveform itself: what a classifier is fed with that trains its front end too."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from after_ray.features._base import Extractor, extractors
from after_ray.features._settings import WaveformFeatures
from after_ray.weights import Weights

SAMPLE_RATE = 16_000
FULL_SCALE = np.float32(32768)  # of prepared audio


@extractors.register("waveform")
class Waveform(Extractor):
    """The first `max_seconds` of an utterance as they were prepared: int16, 16,000 for one second.

    It takes no weights, so that one copy serves every adaptation, fold and seed.
    """

    dtype: ClassVar[type[np.generic]] = np.int16

    def __init__(self, settings: WaveformFeatures, weights: Weights | None, device: str) -> None:
        self._max_samples = round(settings.max_seconds * SAMPLE_RATE)

    @property
    def inner(self) -> tuple[int, ...]:
        """One number a sample."""
        return ()

    def frames(self, samples: int) -> int:
        """Samples of an utterance, cropped to `max_seconds`."""
        return min(samples, self._max_samples)

    def extract(self, wave: NDArray[np.float32]) -> NDArray[np.generic]:
        """Samples of shape (samples,), int16, the bits of the prepared audio."""
        return np.rint(wave[: self._max_samples] * FULL_SCALE).astype(np.int16)

    def summary(self, features: NDArray[np.generic]) -> NDArray[np.float64]:
        """Nothing, shape (0,): clustering groups by the front end's output, whatever is trained (D7)."""
        return np.empty(0)
