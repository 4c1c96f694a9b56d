"""Mel-frequency cepstral coefficients of short overlapping segments: the front end of GLAM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.audio._torchaudio import torchaudio
from after_ray.features._base import Extractor, extractors
from after_ray.features._settings import MfccSegmentFeatures
from after_ray.weights import Weights

SAMPLE_RATE = 16_000
WINDOW, HOP = 2048, 512
MEL_BANDS = 128
COEFFICIENTS = 26
RANGE = 80.0  # dB below the loudest value of a segment; what is softer is raised to that
AT_ONCE = 128  # segments, whose spectra take about 60 MB


@extractors.register("mfcc_segments")
class MfccSegments(Extractor):
    """26 MFCC of every segment of `seconds`, each with `overlap` in common with the one before.

    The parameters are librosa's defaults (Zhu & Li 2022 and their code): Hann windows of 128 ms every 32 ms,
    centred, the edges mirrored (as librosa did until 0.8), power, 128 Slaney mel bands of equal area up to
    8 kHz, decibels at most 80 below the segment's loudest, orthonormal cosine transform. No normalisation.

    An utterance shorter than one segment is repeated until it fills one (the authors drop it); of a longer
    one, less than one hop is left out at the end. The authors' hop is a float cut to 3,199 samples, an
    accident of 1.8 - 1.6; ours is the 3,200 that they describe.
    """

    dtype: ClassVar[type[np.generic]] = np.float32

    def __init__(self, settings: MfccSegmentFeatures, weights: Weights | None, device: str) -> None:
        self._samples = round(settings.seconds * SAMPLE_RATE)
        self._hop = self._samples - round(settings.overlap * SAMPLE_RATE)
        self._power = torchaudio.transforms.Spectrogram(WINDOW, hop_length=HOP, power=2.0)
        self._mel = torchaudio.functional.melscale_fbanks(
            WINDOW // 2 + 1, 0.0, SAMPLE_RATE / 2, MEL_BANDS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
        )
        self._decibels = torchaudio.transforms.AmplitudeToDB("power", top_db=RANGE)
        self._cosines = torchaudio.functional.create_dct(COEFFICIENTS, MEL_BANDS, norm="ortho")

    @property
    def inner(self) -> tuple[int, ...]:
        """26 coefficients at each time of a segment, which has 57 of them in 1.8 s."""
        return (COEFFICIENTS, 1 + self._samples // HOP)

    def frames(self, samples: int) -> int:
        """The number of segments."""
        return 1 + max(0, samples - self._samples) // self._hop

    @torch.inference_mode()
    def extract(self, wave: NDArray[np.float32]) -> NDArray[np.generic]:
        """Coefficients of shape (segments, 26, times)."""
        return torch.cat([self._coefficients(part) for part in self._segments(wave)]).numpy()

    def summary(self, features: NDArray[np.generic]) -> NDArray[np.float64]:
        """Mean over all times of all segments, then deviation over them, shape (52,)."""
        values = features.astype(np.float64)
        return np.concatenate([values.mean(axis=(0, 2)), values.std(axis=(0, 2))])

    def _segments(self, wave: NDArray[np.float32]) -> Iterator[Tensor]:
        """Views of shape (some segments, samples)."""
        whole = wave if len(wave) >= self._samples else np.resize(wave, self._samples)
        yield from torch.from_numpy(whole).unfold(0, self._samples, self._hop).split(AT_ONCE)

    def _coefficients(self, segments: Tensor) -> Tensor:
        power = self._power(segments)
        mel = torch.einsum("sft,fm->smt", power, self._mel)
        # With a channel axis the range is that of each segment; without one, that of the loudest of all.
        decibels = self._decibels(mel[:, None])[:, 0]
        return torch.einsum("smt,mc->sct", decibels, self._cosines)
