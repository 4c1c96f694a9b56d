from __future__ import annotations

import numpy as np
import pytest

from after_ray.features import extractors
from after_ray.features._settings import CepstralFeatures, FunctionalFeatures, WaveformFeatures, of_backbone
from after_ray.features.waveform import Waveform

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)


def make(seconds: float = 10.0) -> Waveform:
    return Waveform(WaveformFeatures(max_seconds=seconds), None, "cpu")


def heard(samples: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> np.ndarray:
    """As prepared audio is handed to extractors."""
    return samples.astype(np.float32) / np.float32(32768)


def test_it_is_found_by_name() -> None:
    assert extractors.resolve("waveform") is Waveform


def test_every_sample_comes_back_bit_for_bit() -> None:
    features = make().extract(heard(EVERY_SAMPLE))
    assert features.dtype == np.int16
    assert np.array_equal(features, EVERY_SAMPLE)


@pytest.mark.parametrize("samples", [1, 300, 16_000, 40_000])
def test_the_announced_length_is_what_comes_out(samples: int) -> None:
    extractor = make(seconds=2.0)
    features = extractor.extract(heard(EVERY_SAMPLE[:samples]))
    assert features.shape == (extractor.frames(samples), *extractor.inner) == (min(samples, 32_000),)
    assert np.array_equal(features, EVERY_SAMPLE[: min(samples, 32_000)])


def test_no_adaptation_changes_it() -> None:
    assert not of_backbone(WaveformFeatures())
    assert not of_backbone(CepstralFeatures())
    assert not of_backbone(FunctionalFeatures())


def test_clustering_finds_nothing_in_it_to_group_by() -> None:
    assert make().summary(EVERY_SAMPLE).shape == (0,)
