from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from after_ray.errors import BadValue
from after_ray.features import extractors
from after_ray.features._settings import CepstralFeatures
from after_ray.features.cepstra import SAMPLE_RATE, Cepstra, cosine_transform


def cepstra(seconds: float = 3.0) -> Cepstra:
    return Cepstra(CepstralFeatures(seconds=seconds), None, "cpu")


def noise(samples: int, seed: int = 0) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def by_hand(wave: NDArray[np.float32], samples: int) -> NDArray[np.float64]:
    """The published front end in plain numpy, from its description (baselines: Light-SERNet)."""
    first = max(0, len(wave) - samples) // 2
    kept = wave[first : first + samples].astype(np.float64)
    kept = np.clip(kept / np.percentile(np.abs(kept), 99.9), -1, 1)
    before = (samples - len(kept)) // 2
    kept = np.concatenate([np.zeros(before), kept, np.zeros(samples - len(kept) - before)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    frames = np.stack([kept[i : i + 1024] * window for i in range(0, samples - 1023, 256)])
    magnitude = np.abs(np.fft.rfft(frames))
    edges = 700 * (10 ** (np.linspace(mel(80), mel(7600), 130) / 2595) - 1)
    bins = np.linspace(0, 8000, 513)[:, None]
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    log_mel = np.log(magnitude @ np.clip(np.minimum(rising, falling), 0, None) + 1e-6)
    angles = np.pi / 128 * np.outer(np.arange(128) + 0.5, np.arange(40))
    return np.clip(2 * log_mel @ np.cos(angles) / math.sqrt(2 * 128), -10, 10)


def mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)


@pytest.mark.parametrize(("seconds", "frames"), [(3, 184), (7, 434)])
def test_every_utterance_has_the_published_number_of_frames(seconds: float, frames: int) -> None:
    extractor = cepstra(seconds)
    assert extractors.resolve("cepstra") is Cepstra
    for samples in (1, 8_000, 48_000, 200_001):
        features = extractor.extract(noise(samples))
        assert features.shape == (extractor.frames(samples), *extractor.inner) == (frames, 40)
        assert features.dtype == extractor.dtype


@pytest.mark.parametrize("samples", [20_001, 48_000, 70_001], ids=["padded", "exact", "cropped"])
def test_equals_the_description_in_plain_numpy(samples: int) -> None:
    wave = noise(samples)
    assert cepstra().extract(wave) == pytest.approx(by_hand(wave, 48_000), abs=2e-3)


def test_coefficient_0_is_root_2_larger_than_orthonormal() -> None:
    logarithms = torch.log(torch.arange(1, 129, dtype=torch.float32))
    transformed = logarithms @ cosine_transform(128, 40)
    orthonormal = logarithms.sum() / math.sqrt(128)
    assert orthonormal.item() == pytest.approx(43.8765, abs=1e-4)
    assert transformed[0].item() == pytest.approx(62.0507, abs=1e-4)
    unit = cosine_transform(128, 128)[:, 1:]
    assert (unit.T @ unit).numpy() == pytest.approx(np.eye(127), abs=1e-5)


def test_loudness_of_the_recording_does_not_matter() -> None:
    wave = noise(48_000)
    assert cepstra().extract(0.01 * wave) == pytest.approx(cepstra().extract(wave), abs=1e-3)


def test_one_loud_click_is_clipped_and_does_not_silence_the_rest() -> None:
    wave = noise(48_000)
    clicked = wave.copy()
    clicked[100] = 50.0
    assert cepstra().extract(clicked)[10:] == pytest.approx(cepstra().extract(wave)[10:], abs=0.05)


def test_the_middle_is_kept_and_padding_is_symmetric() -> None:
    long = noise(80_000)
    assert np.array_equal(cepstra().extract(long), cepstra().extract(long[16_000:64_000]))
    half = noise(24_000)
    padded = np.pad(half, 12_000)
    extracted = cepstra().extract(half)
    silent = cepstra().extract(np.zeros(10, np.float32))[0]
    assert np.array_equal(extracted[0], silent)
    assert np.array_equal(extracted[-1], silent)
    # The percentile is taken before padding: only the level (coefficient 0) differs from a padded clip's.
    assert extracted[:, 1:] == pytest.approx(cepstra().extract(padded)[:, 1:], abs=0.1)


@pytest.mark.parametrize("samples", [1, 3_200, 48_000])
def test_silence_survives(samples: int) -> None:
    features = cepstra().extract(np.zeros(samples, np.float32))
    assert np.isfinite(features).all()
    assert np.abs(features).max() <= 10


def test_summary_is_mean_and_deviation_over_time() -> None:
    features = cepstra().extract(noise(48_000))
    summary = cepstra().summary(features)
    assert summary.shape == (80,)
    assert summary.dtype == np.float64
    assert summary[3] == pytest.approx(features[:, 3].mean(), abs=1e-5)
    assert summary[43] == pytest.approx(features[:, 3].std(), abs=1e-5)


def test_less_than_a_window_is_refused() -> None:
    with pytest.raises(BadValue, match=r"0\.064"):
        cepstra(0.05)


def test_sample_rate_is_that_of_the_audio_store() -> None:
    assert SAMPLE_RATE == 16_000
