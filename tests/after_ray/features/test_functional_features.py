from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from after_ray.features import extractors
from after_ray.features._settings import FunctionalFeatures
from after_ray.features.functionals import SAMPLE_RATE, Functionals

PITCH, VOICING, LEVEL = slice(80, 85), slice(85, 88), slice(88, 94)


@pytest.fixture(scope="module")
def extractor() -> Functionals:
    return Functionals(FunctionalFeatures(), None, "cpu")


def noise(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE)).astype(np.float32)


def buzz(hertz: float, seconds: float = 1.0) -> NDArray[np.float32]:
    """Ten harmonics of one pitch, as a voice has."""
    seconds_at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    harmonics = [np.sin(2 * np.pi * hertz * k * seconds_at) / k for k in range(1, 11)]
    return (0.1 * np.sum(harmonics, axis=0)).astype(np.float32)


def test_one_frame_of_94_whatever_the_length(extractor: Functionals) -> None:
    assert extractors.resolve("functionals") is Functionals
    for seconds in (0.2, 1.0, 4.7):
        wave = noise(seconds)
        features = extractor.extract(wave)
        assert features.shape == (extractor.frames(len(wave)), *extractor.inner) == (1, 94)
        assert features.dtype == extractor.dtype
        summary = extractor.summary(features)
        assert summary.dtype == np.float64
        assert np.array_equal(summary, features[0])


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(SAMPLE_RATE, np.float32),
        np.full(SAMPLE_RATE, 0.5, np.float32),
        noise(0.2),
        noise(0.2)[:1],
        np.sign(noise(1.0)),
        1e-6 * noise(1.0),
    ],
    ids=["silence", "constant", "0.2 s", "one sample", "clipped", "faint"],
)
def test_every_functional_is_finite(extractor: Functionals, wave: NDArray[np.float32]) -> None:
    assert np.isfinite(extractor.extract(wave)).all()


def test_silence_has_no_pitch_and_no_voicing(extractor: Functionals) -> None:
    features = extractor.extract(np.zeros(SAMPLE_RATE, np.float32))[0]
    assert (features[PITCH] == 0).all()
    assert (features[VOICING] == 0).all()


@pytest.mark.parametrize("hertz", [80.0, 110.0, 200.0, 400.0])
def test_pitch_of_a_buzz_is_found(extractor: Functionals, hertz: float) -> None:
    features = extractor.extract(buzz(hertz))[0]
    mean, deviation = features[PITCH][:2]
    assert np.exp(mean) == pytest.approx(hertz, rel=0.02)
    assert deviation < 0.02
    assert features[VOICING][2] > 0.95


def test_noise_is_not_voiced(extractor: Functionals) -> None:
    assert extractor.extract(noise(2.0))[0][VOICING][2] < 0.1


def test_percentiles_are_in_order(extractor: Functionals) -> None:
    wave = np.concatenate([buzz(110), buzz(160), buzz(220), 0.1 * noise(0.5)])
    features = extractor.extract(wave)[0]
    for part in (features[PITCH], features[LEVEL]):
        low, middle, high = part[2:5]
        assert low < middle < high


def test_twice_the_amplitude_moves_the_level_and_not_the_timbre(extractor: Functionals) -> None:
    breathy = buzz(150) + 0.3 * noise(1.0)  # every band above the floor of the logarithm
    once, twice = (extractor.extract(wave)[0] for wave in (breathy, breathy + breathy))
    assert twice[LEVEL][0] - once[LEVEL][0] == pytest.approx(np.log(4), abs=0.05)
    assert twice[1:20] == pytest.approx(once[1:20], abs=0.1)  # mean cepstra but the first, which is the level
    assert twice[PITCH] == pytest.approx(once[PITCH], abs=1e-3)


def test_a_waveform_of_a_memory_map_is_left_as_it_is(extractor: Functionals) -> None:
    wave = noise(0.5)
    kept = wave.copy()
    wave.flags.writeable = False
    extractor.extract(wave)
    assert np.array_equal(wave, kept)


@pytest.mark.slow
def test_a_core_does_at_least_150_clips_per_second(extractor: Functionals) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    wave = noise(3.0)
    extractor.extract(wave)
    started = time.process_time()
    for _ in range(60):
        extractor.extract(wave)
    torch.set_num_threads(threads)
    assert 60 / (time.process_time() - started) > 150 / 2  # half of it: other work shares the memory bus
