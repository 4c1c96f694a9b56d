"""An acoustic fingerprint: 32-bit words that stay nearly the same in a copy with small changes.

After J. Haitsma and T. Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002: frames that overlap
by 15/16, 33 bands spaced evenly in log frequency from 300 to 2000 Hz, and one bit for the sign of each energy
difference over bands and frames. Signs do not know the level; long frames do not mind where the first begins.
Two departures, both for speech: frames far below the loudest of their clip have no word (what a copy adds as
noise is heard there first), and the first frame, which has none before it, has none either.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

VERSION = 1  # raise when the same audio would get other words

SILENT = np.uint32(0)
"""The word of a frame that holds too little sound to be compared."""
WORDS_PER_SECOND = 62.5
BITS = 32

_DECIMATION = 4  # from 16 to 4 kHz: nothing above 2 kHz is looked at
_RATE = 16_000 // _DECIMATION
_FRAME, _HOP = 1024, 64  # 256 ms and 16 ms
_LOWEST, _HIGHEST = 300.0, 2000.0  # Hz
_FLOOR = 1e-3  # of the loudest frame's energy: 30 dB
_BLOCK = 4096  # lengths are padded to a multiple: an FFT of a prime length is slow

Words = NDArray[np.uint32]


def fingerprint(samples: ArrayLike) -> Words:
    """The words of one utterance, 62.5 for each second after the first 0.256 s.

    Args:
        samples: 16 kHz, mono, shape (samples,); any level, any length.

    Returns:
        Shape (frames - 1,); empty for a clip of up to one frame (0.256 s). `SILENT` where there is little to
        hear, everywhere in a clip of silence.
    """
    energies = _band_energies(_frames(_decimated(np.asarray(samples, dtype=np.float32))))
    over_bands = energies[:, :-1] - energies[:, 1:]
    bits = over_bands[1:] > over_bands[:-1]
    words = np.packbits(bits, axis=1, bitorder="little").view("<u4")[:, 0].astype(np.uint32)
    loudness = energies.sum(axis=1)
    words[loudness[1:] <= _FLOOR * loudness.max(initial=0.0)] = SILENT
    return words


def _decimated(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """At 4 kHz: the lower quarter of the spectrum of the whole clip."""
    padded = _BLOCK * -(-max(len(samples), 1) // _BLOCK)
    low = np.fft.rfft(samples, padded)[: padded // (2 * _DECIMATION) + 1]
    return np.fft.irfft(low, padded // _DECIMATION)[: -(-len(samples) // _DECIMATION)].astype(np.float32)


def _frames(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Windowed frames, shape (frames, 1024), at least one; the last is filled up with silence."""
    count = 1 + -(-max(len(samples) - _FRAME, 0) // _HOP)
    filled = np.pad(samples, (0, (count - 1) * _HOP + _FRAME - len(samples)))
    return np.lib.stride_tricks.sliding_window_view(filled, _FRAME)[::_HOP] * _window()


def _band_energies(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Energy of every frame in every band, shape (frames, 33)."""
    edges = _band_edges()
    spectrum = np.fft.rfft(frames, axis=1)[:, : edges[-1]]
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return np.add.reduceat(power, edges[:-1], axis=1)


@cache
def _window() -> NDArray[np.float32]:
    return np.hanning(_FRAME).astype(np.float32)


@cache
def _band_edges() -> NDArray[np.int64]:
    """First FFT bin of every band, and the bin behind the last, shape (34,)."""
    return np.rint(np.geomspace(_LOWEST, _HIGHEST, BITS + 2) * _FRAME / _RATE).astype(np.int64)
