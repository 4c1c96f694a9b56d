from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.errors import BadValue
from after_ray.features import extractors
from after_ray.features._settings import LogMelFeatures
from after_ray.features.log_mel import MEL_BANDS, SAMPLE_RATE, LogMel


def log_mel(seconds: float = 3.0) -> LogMel:
    return LogMel(LogMelFeatures(seconds=seconds), None, "cpu")


def noise(samples: int, seed: int = 0) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def tone(hertz: float, samples: int) -> NDArray[np.float32]:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(samples) / 16_000)).astype(np.float32)


def by_hand(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    """The description in plain numpy: 300 frames of 128 bands."""
    kept = wave[max(0, len(wave) - 48_000) // 2 :][:48_000].astype(np.float64)
    heard = len(kept) // 160
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    padded = np.pad(kept, 200)  # a frame's window stands on its first sample
    frames = np.stack([padded[i * 160 : i * 160 + 400] * window for i in range(heard)])
    power = np.abs(np.fft.rfft(frames, 1024)) ** 2
    edges = 700 * (10 ** (np.linspace(0, 2595 * math.log10(1 + 8000 / 700), 130) / 2595) - 1)
    bins = np.linspace(0, 8000, 513)[:, None]
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    values = np.log(power @ np.clip(np.minimum(rising, falling), 0, None) + 1e-6)
    values = (values - values.mean()) / values.std()
    before = (300 - heard) // 2
    return np.pad(values, ((before, 300 - heard - before), (0, 0)))


@pytest.mark.parametrize("samples", [1, 399, 8_000, 48_000, 160_000])
def test_every_utterance_has_300_frames_of_128_bands(samples: int) -> None:
    extractor = log_mel()
    assert extractors.resolve("log_mel") is LogMel
    features = extractor.extract(noise(samples))
    assert features.shape == (extractor.frames(samples), *extractor.inner) == (300, 128)
    assert features.dtype == extractor.dtype == np.float16
    assert np.isfinite(features).all()


@pytest.mark.parametrize("samples", [8_000, 47_999, 48_000, 70_001])
def test_equals_the_description_in_plain_numpy(samples: int) -> None:
    wave = noise(samples) + tone(440, samples)
    assert log_mel().extract(wave) == pytest.approx(by_hand(wave), abs=0.01)


def test_float16_keeps_what_the_network_can_tell_apart() -> None:
    wave = noise(48_000) * np.linspace(0, 1, 48_000, dtype=np.float32) ** 4  # a wide range of levels
    features = log_mel().extract(wave)
    assert np.abs(features.astype(np.float64) - by_hand(wave)).max() < 0.01
    assert np.abs(features).max() < 20


def test_no_band_is_empty() -> None:
    assert (log_mel()._mel.mel_scale.fb.sum(dim=0) > 0).all()


def test_frames_are_time_and_low_bands_come_first() -> None:
    low, high = (log_mel().extract(tone(hertz, 48_000)).astype(float) for hertz in (200, 6_000))
    assert low.mean(axis=0).argmax() < MEL_BANDS // 4
    assert high.mean(axis=0).argmax() > 3 * MEL_BANDS // 4


def test_a_clip_has_mean_0_and_deviation_1_whatever_its_gain() -> None:
    wave = noise(48_000)
    features = log_mel().extract(wave).astype(np.float64)
    assert features.mean() == pytest.approx(0, abs=1e-3)
    assert features.std() == pytest.approx(1, abs=1e-3)
    assert log_mel().extract(0.1 * wave) == pytest.approx(features, abs=0.1)


def test_the_middle_is_kept_and_padding_is_the_mean_on_both_sides() -> None:
    long, half = noise(80_000), noise(8_000)
    assert np.array_equal(log_mel().extract(long), log_mel().extract(long[16_000:64_000]))
    features = log_mel().extract(half).astype(np.float64)
    assert not features[:125].any()
    assert not features[175:].any()
    assert features[125:175].all(axis=1).all()
    assert features[125:175].mean() == pytest.approx(0, abs=1e-3)
    assert features[125:175].std() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("level", [0.0, 1e-30, 1e-6, 1.0, -1.0])
@pytest.mark.parametrize("samples", [1, 8_000, 160_000])
def test_silence_and_constants_stay_finite(level: float, samples: int) -> None:
    features = log_mel().extract(np.full(samples, level, np.float32))
    assert np.isfinite(features).all()
    assert np.abs(features).max() < 300
    if abs(level) < 1e-20:
        assert not np.abs(features).max() > 0.01, "nothing is made of silence"


def test_other_lengths_and_less_than_a_frame() -> None:
    assert log_mel(0.5).extract(noise(48_000)).shape == (50, 128)
    with pytest.raises(BadValue, match=r"0\.01"):
        log_mel(0.004)


def test_summary_is_mean_and_deviation_over_time() -> None:
    features = log_mel().extract(noise(48_000))
    summary = log_mel().summary(features)
    assert summary.shape == (256,)
    assert summary.dtype == np.float64
    assert summary[3] == pytest.approx(features[:, 3].astype(np.float64).mean())
    assert summary[131] == pytest.approx(features[:, 3].astype(np.float64).std())


def test_sample_rate_is_that_of_the_audio_store() -> None:
    assert SAMPLE_RATE == 16_000
