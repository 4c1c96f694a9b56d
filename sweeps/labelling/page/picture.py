"""What a clip looks like: its waveform above its spectrogram, as a PNG."""

from __future__ import annotations

import io
import itertools
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, WAVE, SPECTRUM = 800, 120, 200  # pixels
WINDOW = 512  # samples of a spectrum
RANGE = 70.0  # dB below the loudest that are shown
INK, PAPER = (38, 70, 110), (255, 255, 255)


def picture(wave: NDArray[np.float32]) -> bytes:
    """A PNG of 800 x 320 pixels of a waveform of shape (samples,) in [-1, 1]; any length, silence too."""
    stacked = np.concatenate([_waveform(wave), _spectrogram(wave)])
    buffer = io.BytesIO()
    Image.fromarray(stacked).save(buffer, "PNG")
    return buffer.getvalue()


def _waveform(wave: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lowest to highest sample of every column, the loudest filling the height."""
    image = np.full((WAVE, WIDTH, 3), PAPER, dtype=np.uint8)
    edges = np.linspace(0, len(wave), WIDTH + 1).astype(int)
    loudest = float(np.abs(wave).max(initial=1e-9))
    for column, (first, end) in enumerate(itertools.pairwise(edges.tolist())):
        part = wave[first : max(end, first + 1)]
        high, low = (part.max(initial=0.0) / loudest, part.min(initial=0.0) / loudest)
        top = int((1 - high) / 2 * (WAVE - 1))
        image[top : int((1 - low) / 2 * (WAVE - 1)) + 1, column] = INK
    return image


def _spectrogram(wave: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Power in dB, lowest frequency below, one spectrum per column."""
    padded = np.pad(wave, (WINDOW // 2, WINDOW))
    starts = np.linspace(0, max(len(wave) - 1, 0), WIDTH).astype(int)
    window = np.hanning(WINDOW).astype(np.float32)
    frames = padded[starts[:, None] + np.arange(WINDOW)] * window
    power = np.abs(np.fft.rfft(frames, axis=1)[:, 1:]) ** 2
    decibels = 10 * np.log10(power + 1e-10)
    shown = np.clip((decibels - decibels.max() + RANGE) / RANGE, 0, 1).T[::-1]
    rows = np.linspace(0, len(shown) - 1, SPECTRUM).astype(int)
    return _colours()[(shown[rows] * 255).astype(np.uint8)]


@lru_cache(maxsize=1)
def _colours() -> NDArray[np.uint8]:
    """White to dark blue, shape (256, 3)."""
    shares = np.linspace(0, 1, 256)[:, None]
    return (np.array(PAPER) * (1 - shares) + np.array(INK) * shares).astype(np.uint8)
