"""Log-mel spectrograms of a stretch of fixed length, each clip with its own mean and deviation."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.audio._torchaudio import torchaudio
from after_ray.errors import BadValue
from after_ray.features._base import Extractor, extractors
from after_ray.features._settings import LogMelFeatures
from after_ray.weights import Weights

SAMPLE_RATE = 16_000
WINDOW, HOP = 400, 160
FOURIER = 1024  # of 512 points, the narrowest of 128 triangles would lie between two frequencies
MEL_BANDS = 128
LOG_FLOOR = 1e-6  # added to mel power before the logarithm
SMALLEST_DEVIATION = 1e-3  # of log power: a constant clip has rounding errors only


@extractors.register("log_mel")
class LogMel(Extractor):
    """128 HTK mel bands, 0 to 8000 Hz, every 10 ms of `seconds` of speech (our choice: LSSED names none).

    The middle `seconds` are kept. Hann windows of 25 ms, power, logarithm; from every value the clip's mean
    is taken and the rest is divided by its deviation, so that loudness and gain do not matter. Frames that
    are missing are zeros on both sides, which is the clip's mean: padding moves neither of the two.
    """

    # Values of variance 1, off by at most 2**-11 of themselves: half the space and the reading of float32.
    dtype: ClassVar[type[np.generic]] = np.float16

    def __init__(self, settings: LogMelFeatures, weights: Weights | None, device: str) -> None:
        self._frames = round(settings.seconds * SAMPLE_RATE / HOP)
        if self._frames < 1:
            raise BadValue("seconds of log_mel", settings.seconds, f"at least {HOP / SAMPLE_RATE}")
        self._mel = torchaudio.transforms.MelSpectrogram(
            SAMPLE_RATE,
            n_fft=FOURIER,
            win_length=WINDOW,
            hop_length=HOP,
            n_mels=MEL_BANDS,
            pad_mode="constant",  # mirrored, clips shorter than half a transform would have no edge
        )

    @property
    def inner(self) -> tuple[int, ...]:
        """128 bands."""
        return (MEL_BANDS,)

    def frames(self, samples: int) -> int:
        """The same number for every utterance: 300 for 3 s."""
        return self._frames

    @torch.inference_mode()
    def extract(self, wave: NDArray[np.float32]) -> NDArray[np.generic]:
        """Values of shape (frames, 128), float16, finite for any finite waveform, however short or quiet."""
        first = max(0, len(wave) - self._frames * HOP) // 2
        samples = torch.from_numpy(np.array(wave[first : first + self._frames * HOP], dtype=np.float32))
        heard = max(1, len(samples) // HOP)  # the last of the centred windows stands on the clip's end
        log_mel = torch.log(self._mel(samples).T[:heard] + LOG_FLOOR)
        missing = self._frames - heard
        padding = (0, 0, missing // 2, missing - missing // 2)
        return torch.nn.functional.pad(_standardised(log_mel), padding).half().numpy()

    def summary(self, features: NDArray[np.generic]) -> NDArray[np.float64]:
        """Mean over time, then deviation over time, shape (256,)."""
        frames = features.astype(np.float64)
        return np.concatenate([frames.mean(axis=0), frames.std(axis=0)])


def _standardised(values: Tensor) -> Tensor:
    """Mean 0 and deviation 1 over all values; zeros where all are the same."""
    deviation = values.std(correction=0).clamp_min(SMALLEST_DEVIATION)
    return (values - values.mean()) / deviation
