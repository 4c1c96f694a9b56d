"""A model that can be looked at, and recordings for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from after_ray.errors import AfterRayError

SECOND = 16_000


class LevelModel:
    """Says `loud` with the probability of the mean magnitude; refuses what is louder than `limit`."""

    classes = ("loud", "quiet")

    def __init__(self, limit: float = 1.0) -> None:
        self._limit = limit
        self.batches: list[int] = []

    def log_probabilities(self, waves: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        self.batches.append(len(waves))
        levels = np.array([np.abs(wave.astype(np.float64)).mean() for wave in waves])
        if levels.max() > self._limit:
            raise AfterRayError("It is too loud.")
        return np.log(np.stack([levels, 1 - levels], axis=1))


def level(value: float, seconds: float, rate: int = SECOND) -> NDArray[np.int16]:
    """A square wave of that magnitude."""
    samples = np.full(round(seconds * rate), round(value * 32768), np.int16)
    samples[1::2] *= -1
    return samples


def write(path: Path, *parts: NDArray[np.int16], rate: int = SECOND) -> Path:
    """A recording of parts one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.concatenate(parts), rate)
    return path
