from __future__ import annotations

import numpy as np
import pytest

from after_ray.errors import TooFewUtterances
from after_ray.initialization import Initialization, initializations
from after_ray.initialization._settings import ClusteringSettings, RandomSettings
from after_ray.initialization.random import RandomInitialization
from after_ray.seeds import SeedTree

SETTINGS = {"random": RandomSettings(), "clustering": ClusteringSettings(n_init=2)}


def make(name: str) -> Initialization:
    return initializations.resolve(name)(SETTINGS[name])  # type: ignore[call-arg]


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(50, 6))


@pytest.mark.parametrize("name", initializations.names())
@pytest.mark.parametrize("size", [0, 1, 2, 8, 49, 50])
def test_chooses_exactly_the_size_and_nothing_twice(name: str, size: int, features: np.ndarray) -> None:
    positions = make(name).choose(size, features, 50, SeedTree(0)).positions
    assert len(np.unique(positions)) == len(positions) == size
    assert np.isin(positions, np.arange(50)).all()


@pytest.mark.parametrize("name", initializations.names())
def test_repeats_itself_and_touches_no_global_generator(name: str, features: np.ndarray) -> None:
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 - the state that nobody may touch
    first = make(name).choose(8, features, 50, SeedTree(3))
    second = make(name).choose(8, features, 50, SeedTree(3))
    np.testing.assert_array_equal(first.positions, second.positions)
    assert first.details == second.details
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


@pytest.mark.parametrize("name", initializations.names())
def test_a_train_part_below_the_size_is_refused_with_both_numbers(name: str, features: np.ndarray) -> None:
    with pytest.raises(TooFewUtterances, match="50 utterances available, 51 requested"):
        make(name).choose(51, features, 50, SeedTree(0))


def test_random_draws_every_utterance_equally_often() -> None:
    counts, random = np.zeros(40), RandomInitialization(RandomSettings())
    for seed in range(4000):
        counts[random.choose(10, None, 40, SeedTree(seed)).positions] += 1
    assert np.abs(counts - 1000).max() < 5 * 27.4  # five standard deviations


def test_random_differs_between_seeds() -> None:
    random = RandomInitialization(RandomSettings())
    one, other = (random.choose(10, None, 1000, SeedTree(seed)).positions for seed in (0, 1))
    assert set(one) != set(other)
