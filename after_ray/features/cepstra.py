"""Cepstral coefficients of a stretch of fixed length: the front end of Light-SERNet."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.audio._torchaudio import torchaudio
from after_ray.errors import BadValue
from after_ray.features._base import Extractor, extractors
from after_ray.features._settings import CepstralFeatures
from after_ray.weights import Weights

SAMPLE_RATE = 16_000
WINDOW, HOP = 1024, 256
MEL_BANDS = 128
COEFFICIENTS = 40
LOUD_PERCENTILE = 99.9
LOG_FLOOR = 1e-6  # added to mel magnitudes before the logarithm
LIMIT = 10.0  # coefficients are clipped to +-LIMIT


@extractors.register("cepstra")
class Cepstra(Extractor):
    """40 cepstral coefficients every 16 ms of `seconds` of speech (Aftab et al. 2022 and their code).

    The middle `seconds` are kept, divided by the 99.9th percentile of their magnitude and clipped, or padded
    with zeros on both sides. Hann windows of 64 ms without centring, magnitudes, 128 HTK mel bands from 80
    to 7600 Hz, logarithm, cosine transform, clipping. The sides of the mel triangles are straight in Hz
    (torchaudio), the authors' in mel (TensorFlow): bands this narrow differ by under 0.003 of their height.
    """

    dtype: ClassVar[type[np.generic]] = np.float32

    def __init__(self, settings: CepstralFeatures, weights: Weights | None, device: str) -> None:
        self._samples = round(settings.seconds * SAMPLE_RATE)
        if self._samples < WINDOW:
            raise BadValue("seconds of cepstra", settings.seconds, f"at least {WINDOW / SAMPLE_RATE}")
        self._magnitude = torchaudio.transforms.Spectrogram(WINDOW, hop_length=HOP, power=1.0, center=False)
        self._mel = _mel_filters()
        self._cosines = cosine_transform(MEL_BANDS, COEFFICIENTS)

    @property
    def inner(self) -> tuple[int, ...]:
        """40 coefficients."""
        return (COEFFICIENTS,)

    def frames(self, samples: int) -> int:
        """The same number for every utterance: 184 for 3 s, 434 for 7 s."""
        return 1 + (self._samples - WINDOW) // HOP

    @torch.inference_mode()
    def extract(self, wave: NDArray[np.float32]) -> NDArray[np.generic]:
        """Coefficients of shape (frames, 40) in [-10, 10]."""
        stretch = _centred(_normalised(_middle(wave, self._samples)), self._samples)
        magnitude = self._magnitude(torch.from_numpy(stretch))
        log_mel = torch.log(magnitude.T @ self._mel + LOG_FLOOR)
        return (log_mel @ self._cosines).clamp(-LIMIT, LIMIT).numpy()

    def summary(self, features: NDArray[np.generic]) -> NDArray[np.float64]:
        """Mean over time, then deviation over time, shape (80,)."""
        frames = features.astype(np.float64)
        return np.concatenate([frames.mean(axis=0), frames.std(axis=0)])


def cosine_transform(bands: int, coefficients: int) -> Tensor:
    """TensorFlow's DCT-II as a matrix of shape (bands, coefficients).

    Orthonormal but for coefficient 0, which is sqrt(2) larger: TensorFlow divides all of them by
    sqrt(2 * bands).
    """
    matrix: Tensor = torchaudio.functional.create_dct(coefficients, bands, norm="ortho")
    matrix[:, 0] *= math.sqrt(2)
    return matrix


def _mel_filters() -> Tensor:
    """Triangles of height 1, shape (frequencies, bands)."""
    return torchaudio.functional.melscale_fbanks(
        WINDOW // 2 + 1, 80.0, 7600.0, MEL_BANDS, SAMPLE_RATE, norm=None, mel_scale="htk"
    )


def _middle(wave: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """The middle `samples` of a longer waveform, all of a shorter one."""
    first = max(0, len(wave) - samples) // 2
    return wave[first : first + samples]


def _normalised(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divided by its 99.9th percentile of magnitude and clipped to +-1; silence stays silence."""
    loud = np.percentile(np.abs(wave), LOUD_PERCENTILE) + np.finfo(np.float64).eps
    return np.clip(wave / loud, -1, 1).astype(np.float32)


def _centred(wave: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Padded with zeros on both sides to `samples`; of an odd number one more behind."""
    missing = samples - len(wave)
    return np.pad(wave, (missing // 2, missing - missing // 2))
