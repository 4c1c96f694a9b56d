"""What a feature extractor is: from one waveform to one array of frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from after_ray.registry import Registry
from after_ray.training.settings import Precision


class Extractor(ABC):
    """Built from (settings, backbone weights or None, device). Works on one utterance at a time, so that
    no utterance's features depend on another's.
    """

    dtype: ClassVar[type[np.generic]]
    precision: ClassVar[Precision] = "fp32"  # of what is computed, whatever it is stored as

    @property
    @abstractmethod
    def inner(self) -> tuple[int, ...]:
        """Shape of one frame."""

    @abstractmethod
    def frames(self, samples: int) -> int:
        """Number of frames of an utterance of that many samples at 16 kHz."""

    @abstractmethod
    def extract(self, wave: NDArray[np.float32]) -> NDArray[np.generic]:
        """Features of shape (frames, *inner) of a waveform of shape (samples,), 16 kHz, in [-1, 1]."""

    @abstractmethod
    def summary(self, features: NDArray[np.generic]) -> NDArray[np.float64]:
        """One vector of shape (d,) per utterance for the clustering initialization."""


extractors: Registry[Extractor] = Registry("feature kind", "after_ray.features", Extractor)
