"""Acoustic functionals: what a clip sounds like, in 94 numbers and a few milliseconds."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.audio._torchaudio import torchaudio
from after_ray.features._base import Extractor, extractors
from after_ray.features._settings import FunctionalFeatures
from after_ray.weights import Weights

SAMPLE_RATE = 16_000
COEFFICIENTS = 20
MEL_BANDS = 40
LOG_FLOOR = 1e-6  # added to mel power before the logarithm
PITCH_WINDOW, PITCH_HOP = 1024, 320  # 64 ms: two periods of the lowest pitch; every 20 ms
SHORTEST_LAG, LONGEST_LAG = 32, 266  # samples: 500 Hz to 60 Hz
VOICED = 0.5  # lowest normalised autocorrelation of a voiced frame
OCTAVE_COST = 0.03  # share of the correlation that each octave further down must make up for
QUIET = 1e-3  # frames with less than this share of the loudest frame's power (-30 dB) are not voiced
PERCENTILES = (10, 50, 90)


@extractors.register("functionals")
class Functionals(Extractor):
    """One frame of 94 numbers per utterance.

    - 80: mean, deviation and median over time of 20 MFCCs, and deviation of their differences;
    - 5: mean, deviation and percentiles 10, 50, 90 of the natural logarithm of pitch in Hz over the voiced
      frames (0 where none is voiced);
    - 3: mean and deviation of the voicing strength, share of voiced frames;
    - 6: mean, deviation and percentiles of the level, and deviation of its differences.

    Cepstra: 40 mel bands, 25 ms windows every 10 ms. Level: mean over the bands of the log-mel power.
    """

    dtype: ClassVar[type[np.generic]] = np.float32

    def __init__(self, settings: FunctionalFeatures, weights: Weights | None, device: str) -> None:
        # Clips of a few seconds are done on the processor sooner than they reach a GPU.
        self._mel = torchaudio.transforms.MelSpectrogram(
            SAMPLE_RATE, n_fft=512, win_length=400, hop_length=160, n_mels=MEL_BANDS, f_min=20.0, f_max=7600.0
        )
        self._dct = torchaudio.functional.create_dct(COEFFICIENTS, MEL_BANDS, norm="ortho")
        self._pitch = _Pitch()

    @property
    def inner(self) -> tuple[int, ...]:
        """94 functionals."""
        return (4 * COEFFICIENTS + 14,)

    def frames(self, samples: int) -> int:
        """One frame, however long the utterance."""
        return 1

    @torch.inference_mode()
    def extract(self, wave: NDArray[np.float32]) -> NDArray[np.generic]:
        """Functionals of shape (1, 94), finite for any finite waveform, however short or quiet."""
        samples = torch.from_numpy(np.array(wave, dtype=np.float32))
        samples = torch.nn.functional.pad(samples, (0, max(0, PITCH_WINDOW - len(samples))))
        log_mel = torch.log(self._mel(samples) + LOG_FLOOR).T
        parts = [_cepstral(log_mel @ self._dct), self._pitch(samples), _level(log_mel.mean(dim=1))]
        return torch.cat(parts)[None].float().numpy()

    def summary(self, features: NDArray[np.generic]) -> NDArray[np.float64]:
        """The functionals themselves, shape (94,); who groups by them standardises them."""
        return features[0].astype(np.float64)


def _cepstral(cepstra: Tensor) -> Tensor:
    """Mean, deviation and median over time, deviation of differences; (frames, 20) to (80,)."""
    differences = torchaudio.functional.compute_deltas(cepstra.T).T
    return torch.cat(
        [cepstra.mean(dim=0), _deviation(cepstra), cepstra.median(dim=0).values, _deviation(differences)]
    )


def _level(level: Tensor) -> Tensor:
    """Distribution of the level and how much it moves from frame to frame; (frames,) to (6,)."""
    return torch.cat([_distribution(level), _deviation(level.diff())[None]])


def _distribution(values: Tensor) -> Tensor:
    """Mean, deviation and three percentiles; (n,) to (5,)."""
    percentiles = values.quantile(torch.tensor(PERCENTILES) / 100)
    return torch.cat([values.mean()[None], _deviation(values)[None], percentiles])


def _deviation(values: Tensor) -> Tensor:
    """Standard deviation over time; 0 for a single frame."""
    return values.std(dim=0, correction=0)


class _Pitch:
    """Pitch and voicing by autocorrelation (Boersma 1993): the window's own is divided out."""

    def __init__(self) -> None:
        self._window = torch.hann_window(PITCH_WINDOW)
        decay = _autocorrelation(self._window[None])[0]
        lags = torch.arange(SHORTEST_LAG, LONGEST_LAG + 1)
        # Two periods correlate as well as one: without the octave cost, noise would decide between them.
        octaves = torch.log2(lags / SHORTEST_LAG)
        self._gain = (1 - OCTAVE_COST * octaves) * decay[0] / decay[SHORTEST_LAG:]

    def __call__(self, samples: Tensor) -> Tensor:
        """Distribution of log pitch, then voicing strength and voiced share; (samples,) to (8,)."""
        frames = samples.unfold(0, PITCH_WINDOW, PITCH_HOP)
        correlation = _autocorrelation((frames - frames.mean(dim=1, keepdim=True)) * self._window)
        power = correlation[:, 0]
        lags = slice(SHORTEST_LAG, LONGEST_LAG + 1)
        highest, lag = (correlation[:, lags] * self._gain).max(dim=1)
        strength = (highest / (power + 1e-9)).clamp(0, 1)
        voiced = (strength > VOICED) & (power > QUIET * power.max())
        log_pitch = torch.log(SAMPLE_RATE / (lag[voiced] + SHORTEST_LAG))
        return torch.cat(
            [
                _distribution(log_pitch if len(log_pitch) else torch.zeros(1)),
                torch.stack([strength.mean(), _deviation(strength), voiced.float().mean()]),
            ]
        )


def _autocorrelation(frames: Tensor) -> Tensor:
    """Autocorrelation at lags 0 to `LONGEST_LAG`, shape (frames, lags)."""
    # Lags up to the longest are free of wrap-around when that many zeros follow the frame; 1536 factors well.
    spectrum = torch.fft.rfft(frames, PITCH_WINDOW + 512)
    return torch.fft.irfft(spectrum.real**2 + spectrum.imag**2)[:, : LONGEST_LAG + 1]
