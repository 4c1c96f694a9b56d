from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.fft import dct

from after_ray.features import extractors
from after_ray.features._settings import MfccSegmentFeatures, of_backbone
from after_ray.features.mfcc_segments import AT_ONCE, MfccSegments

SEGMENT, SHIFT = 28_800, 3_200


def segments(**settings: float) -> MfccSegments:
    return MfccSegments(MfccSegmentFeatures.model_validate(settings), None, "cpu")


def noise(samples: int, seed: int = 0) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def hertz_of(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's scale: straight up to 1 kHz, then 27 steps for a factor of 6.4."""
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))


def by_hand(segment: NDArray[np.float32]) -> NDArray[np.float64]:
    """librosa's mfcc with its defaults in plain numpy, shape (26, times), from its documentation."""
    padded = np.pad(segment.astype(np.float64), 1024, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    frames = [padded[first : first + 2048] * window for first in range(0, len(padded) - 2047, 512)]
    power = np.abs(np.fft.rfft(frames)) ** 2
    highest = 15 + 27 * np.log(8) / np.log(6.4)
    edges = hertz_of(np.linspace(0, highest, 130))
    bins = np.linspace(0, 8000, 1025)[:, None]
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    triangles = np.clip(np.minimum(rising, falling), 0, None) * 2 / (edges[2:] - edges[:-2])
    decibels = 10 * np.log10(np.maximum(power @ triangles, 1e-10))
    decibels = np.maximum(decibels, decibels.max() - 80)
    return dct(decibels, type=2, norm="ortho", axis=1)[:, :26].T


def test_equals_the_description_in_plain_numpy() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(40_000) / 16_000).astype(np.float32)
    for wave in (noise(40_000), 0.5 * tone):
        extracted = segments().extract(wave)
        assert len(extracted) == 4
        for index, segment in enumerate(extracted):
            first = index * SHIFT
            assert segment == pytest.approx(by_hand(wave[first : first + SEGMENT]), abs=2e-2)


def test_the_lowest_decibels_are_those_of_each_segment() -> None:
    """A shout does not raise the floor of another segment of its utterance."""
    wave = noise(2 * SEGMENT)
    wave[:SEGMENT] *= 1e-5
    quiet, *_, loud = segments(overlap=0.0).extract(wave)
    assert quiet == pytest.approx(by_hand(wave[:SEGMENT]), abs=2e-2)
    assert loud == pytest.approx(by_hand(wave[SEGMENT:]), abs=2e-2)


@pytest.mark.parametrize(
    ("seconds", "count"),
    [(1.8, 1), (1.99, 1), (2.0, 2), (3.8, 11), (0.1, 1), (10.0, 42)],
)
def test_segments_are_as_many_as_published(seconds: float, count: int) -> None:
    extractor = segments()
    assert extractors.resolve("mfcc_segments") is MfccSegments
    wave = noise(round(seconds * 16_000))
    extracted = extractor.extract(wave)
    assert extracted.shape == (extractor.frames(len(wave)), *extractor.inner) == (count, 26, 57)
    assert extracted.dtype == extractor.dtype


def test_the_shift_is_3200_samples_and_not_a_float_cut_to_3199() -> None:
    assert [segments().frames(SEGMENT + extra) for extra in (3_199, 3_200, 6_399, 6_400)] == [1, 2, 2, 3]


@pytest.mark.parametrize(
    ("settings", "shape"),
    [({"seconds": 2.0}, (26, 63)), ({"seconds": 0.128, "overlap": 0.0}, (26, 5))],
)
def test_other_lengths_have_other_times(settings: dict[str, float], shape: tuple[int, int]) -> None:
    extractor = segments(**settings)
    assert extractor.inner == shape
    assert extractor.extract(noise(32_000)).shape == (extractor.frames(32_000), *shape)


def test_overlap_says_how_far_segments_are_apart() -> None:
    wave = noise(SEGMENT + 16_000)
    far = segments(overlap=0.8).extract(wave)
    assert len(far) == 2
    assert far[1] == pytest.approx(by_hand(wave[16_000:]), abs=2e-2)


def test_a_clip_shorter_than_a_segment_is_repeated() -> None:
    wave = noise(8_000)
    (alone,) = segments().extract(wave)
    assert np.array_equal(alone, segments().extract(np.tile(wave, 4)[:SEGMENT])[0])
    assert np.isfinite(alone).all()


def test_many_segments_are_those_of_their_own_stretch() -> None:
    """More than are computed at once."""
    extractor, wave = segments(), noise(SEGMENT + AT_ONCE * SHIFT)
    extracted = extractor.extract(wave)
    assert len(extracted) == AT_ONCE + 1
    for index in (0, AT_ONCE - 1, AT_ONCE):
        alone = extractor.extract(wave[index * SHIFT : index * SHIFT + SEGMENT])
        assert extracted[index] == pytest.approx(alone[0], abs=1e-3)


@pytest.mark.parametrize("samples", [1, 100, 8_000, 160_000])
def test_silence_is_finite(samples: int) -> None:
    extracted = segments().extract(np.zeros(samples, np.float32))
    assert np.isfinite(extracted).all()
    assert extracted[:, 0] == pytest.approx(-100 * np.sqrt(128), abs=0.01)  # 1e-10 in every band


def test_the_summary_is_the_mean_and_deviation_of_each_coefficient() -> None:
    extractor = segments()
    features = extractor.extract(noise(40_000))
    summary = extractor.summary(features)
    assert summary.shape == (52,)
    values = np.moveaxis(features, 1, 2).reshape(-1, 26).astype(np.float64)
    assert summary == pytest.approx(np.concatenate([values.mean(axis=0), values.std(axis=0)]))


@pytest.mark.parametrize("settings", [{"overlap": 1.8}, {"seconds": 1.5}, {"overlap": 1.795}])
def test_segments_that_do_not_move_on_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=r"at least 0\.01 seconds apart, so lower 'overlap'"):
        MfccSegmentFeatures.model_validate(settings)


def test_segments_shorter_than_a_window_are_refused() -> None:
    with pytest.raises(ValidationError, match="seconds"):
        MfccSegmentFeatures(seconds=0.1, overlap=0.0)


def test_no_backbone_makes_them() -> None:
    assert not of_backbone(MfccSegmentFeatures())
