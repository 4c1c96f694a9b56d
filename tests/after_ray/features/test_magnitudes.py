from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import stft

from after_ray.features import extractors
from after_ray.features._settings import MagnitudeFeatures
from after_ray.features.magnitudes import FRAMES, FREQUENCIES, Magnitudes

EXTRACTOR = Magnitudes(MagnitudeFeatures(), None, "cpu")


def noise(samples: int, seed: int = 0) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def by_scipy(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    """As the original does: SciPy's transform, turned by 90 degrees, shape (frames, 129)."""
    padded = np.pad(wave.astype(np.float64), (0, max(0, 64_000 - len(wave))))
    transformed = stft(padded, window="hamming", nperseg=256, noverlap=128)[2]
    return np.rot90(np.abs(transformed))


@pytest.mark.parametrize("samples", [1, 127, 8_000, 64_000, 64_001, 64_128, 100_077])
def test_magnitudes_are_those_of_scipy(samples: int) -> None:
    wave = noise(samples)
    ours = EXTRACTOR.spectrogram(wave).numpy().T[::-1]
    expected = by_scipy(wave)
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, atol=1e-8, rtol=1e-4)


def test_pieces_of_the_published_shape_begin_with_the_end_of_the_clip() -> None:
    wave = noise(160_000)
    features, expected = EXTRACTOR.extract(wave), by_scipy(wave)
    assert extractors.resolve("magnitudes") is Magnitudes
    assert features.shape == (2, 501, 128) == (2, *EXTRACTOR.inner)
    assert features.dtype == np.float16
    for number, piece in enumerate(features):
        np.testing.assert_allclose(
            piece, expected[501 * number : 501 * (number + 1), :128], atol=1e-7, rtol=1e-3
        )


def test_a_tone_is_at_its_place_and_an_early_click_at_the_end_of_its_piece() -> None:
    tone = np.sin(2 * np.pi * 1_000 * np.arange(64_000) / 16_000).astype(np.float32)
    assert EXTRACTOR.extract(tone)[0, 250].argmax() == 16  # bins are 62.5 Hz apart
    assert EXTRACTOR.extract(tone).max() == pytest.approx(0.5, rel=0.01)  # half a unit sine's amplitude
    click = np.zeros(64_000, dtype=np.float32)
    click[128] = 1.0
    assert EXTRACTOR.extract(click)[0, :, 40].argmax() == FRAMES - 2


@pytest.mark.parametrize(
    ("seconds", "pieces"), [(0.5, 1), (4, 1), (8, 1), (8.0001, 2), (10, 2), (12.008, 2), (12.0081, 3)]
)
def test_as_many_pieces_as_are_whole(seconds: float, pieces: int) -> None:
    samples = round(seconds * 16_000)
    assert EXTRACTOR.frames(samples) == pieces
    assert len(EXTRACTOR.extract(noise(samples))) == pieces


@pytest.mark.parametrize("samples", [1, 8_000, 64_000, 160_000])
def test_silence_and_any_length_give_finite_features_and_summaries(samples: int) -> None:
    for wave in (np.zeros(samples, dtype=np.float32), noise(samples)):
        features = EXTRACTOR.extract(wave)
        assert np.isfinite(features).all()
        assert (features >= 0).all()
        assert EXTRACTOR.summary(features).shape == (2 * FREQUENCIES,)
        assert np.isfinite(EXTRACTOR.summary(features)).all()


def test_what_half_precision_loses_is_below_a_thousandth_of_a_percent_of_the_maximum() -> None:
    wave = noise(64_000) * np.geomspace(1e-4, 1, 64_000, dtype=np.float32)
    exact = EXTRACTOR.spectrogram(wave).numpy()[:128].T[::-1]
    kept = EXTRACTOR.extract(wave)[0].astype(np.float64)
    assert np.abs(kept - exact).max() < 5e-4 * exact.max()
    quiet = exact < 1e-3 * exact.max()
    assert np.abs(kept - exact)[quiet].max() < 1e-5 * exact.max()
