"""Magnitude spectrograms in pieces of 4 s, backwards in time: the front end of RH-emo."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from after_ray.audio._torchaudio import torchaudio
from after_ray.features._base import Extractor, extractors
from after_ray.features._settings import MagnitudeFeatures
from after_ray.weights import Weights

WINDOW, HOP = 256, 128
FREQUENCIES = 128  # of the 129: the highest is left out
SHORTEST = 64_000  # samples; 4 s
FRAMES = SHORTEST // HOP + 1  # of a piece, 501


@extractors.register("magnitudes")
class Magnitudes(Extractor):
    """|STFT| by SciPy's conventions, in pieces of 501 frames x 128 frequencies (Guizzo et al. 2023, code).

    Hamming windows of 16 ms every 8 ms, half a window of zeros at both ends, divided by the sum of the
    window. Shorter clips are padded with zeros to 4 s. Time runs backwards, so that of a longer clip the
    first piece is its end, and what is left over for no whole piece its beginning.

    Half precision is enough: relative steps of 0.05 % and absolute ones of 6e-8, where speech has maxima of
    some hundredths. Silent files, which the original leaves out, are pieces of zeros.
    """

    dtype: ClassVar[type[np.generic]] = np.float16

    def __init__(self, settings: MagnitudeFeatures, weights: Weights | None, device: str) -> None:
        self._transform = torchaudio.transforms.Spectrogram(
            WINDOW, hop_length=HOP, window_fn=torch.hamming_window, power=1.0, pad_mode="constant"
        )

    @property
    def inner(self) -> tuple[int, ...]:
        """Frames, latest first, x frequencies, lowest first."""
        return (FRAMES, FREQUENCIES)

    def frames(self, samples: int) -> int:
        """Whole pieces: one up to 8 s, two up to 12.008 s."""
        return (1 - (-max(samples, SHORTEST) // HOP)) // FRAMES

    def spectrogram(self, wave: NDArray[np.float32]) -> Tensor:
        """Magnitudes of shape (129, frames) of at least 4 s, as of `scipy.signal.stft`."""
        missing = max(SHORTEST - len(wave), -len(wave) % HOP)
        padded = pad(torch.from_numpy(np.ascontiguousarray(wave)), (0, missing))
        spectrogram: Tensor = self._transform(padded)
        return spectrogram / self._transform.window.sum()

    @torch.inference_mode()
    def extract(self, wave: NDArray[np.float32]) -> NDArray[np.generic]:
        """Magnitudes of shape (pieces, 501, 128), at least 0."""
        backwards = self.spectrogram(wave)[:FREQUENCIES].T.flip(0)
        pieces = self.frames(len(wave))
        return backwards[: pieces * FRAMES].reshape(pieces, FRAMES, FREQUENCIES).half().numpy()

    def summary(self, features: NDArray[np.generic]) -> NDArray[np.float64]:
        """Mean over time, then deviation over time, shape (256,)."""
        frames = features.astype(np.float64).reshape(-1, FREQUENCIES)
        return np.concatenate([frames.mean(axis=0), frames.std(axis=0)])
