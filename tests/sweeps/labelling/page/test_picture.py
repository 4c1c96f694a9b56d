"""Pictures of clips: what is loud is high, what is high is above, and every length has one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from sweeps.labelling.page.picture import SPECTRUM, WAVE, WIDTH, picture

RATE = 16_000


def pixels(wave):
    """Darkness between 0 and 1, shape (rows, columns)."""
    return 1 - np.asarray(Image.open(io.BytesIO(picture(wave))).convert("L")) / 255


def tone(hertz, seconds=1.0):
    return np.sin(2 * np.pi * hertz * np.arange(int(RATE * seconds)) / RATE).astype(np.float32)


@pytest.mark.parametrize("samples", [0, 1, 2, 799, 800, 801, 160_000])
@pytest.mark.filterwarnings("error")
def test_every_length_has_a_picture_silence_too(samples):
    for wave in (np.zeros(samples, np.float32), tone(440, samples / RATE)):
        assert pixels(wave).shape == (WAVE + SPECTRUM, WIDTH)


@pytest.mark.parametrize("hertz", [500, 2000, 6000])
def test_a_tone_is_a_line_at_its_frequency(hertz):
    spectrum = pixels(tone(hertz))[WAVE:]
    row = spectrum.mean(axis=1).argmax()
    assert (1 - row / SPECTRUM) * RATE / 2 == pytest.approx(hertz, abs=120)


def test_the_waveform_is_as_high_as_the_clip_is_loud():
    wave = np.concatenate([0.1 * tone(200), tone(200)])
    heights = (pixels(wave)[:WAVE] > 0.3).sum(axis=0)
    quiet, loud = heights[: WIDTH // 2 - 8].mean(), heights[WIDTH // 2 + 8 :].mean()
    assert quiet == pytest.approx(0.1 * loud, rel=0.3)
