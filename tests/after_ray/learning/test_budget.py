"""A budget in seconds is spent in the order of choice, never exceeded by a round that can help it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from after_ray.acquisition import Picked, strategy_of
from after_ray.errors import BadSchedule
from after_ray.initialization._settings import RandomSettings
from after_ray.initialization.random import RandomInitialization
from after_ray.learning._budget import Budget
from after_ray.learning._round import RoundState
from after_ray.learning.active import ActiveLearner
from after_ray.learning.schedule import Target, target_seconds, targets_of
from after_ray.learning.settings import FirstRoundSettings

RANDOM = RandomInitialization(RandomSettings())


def in_order(count: int) -> Picked:
    return Picked(np.arange(count), np.linspace(1, 0, count))


def test_utterances_are_counted_where_no_seconds_are_given() -> None:
    assert Budget(3).spend(in_order).positions.tolist() == [0, 1, 2]


@given(
    durations=st.lists(st.floats(0.3, 30.0), min_size=1, max_size=60),
    share=st.floats(0.0, 1.2),
)
def test_the_longest_beginning_that_fits_is_taken_and_never_nothing(
    durations: list[float], share: float
) -> None:
    pool = np.array(durations)
    seconds = share * math.fsum(durations)
    picked = Budget(1, seconds, pool).spend(in_order)
    count = len(picked.positions)
    assert picked.scores is not None
    assert len(picked.scores) == count >= 1
    spent = np.cumsum(pool)
    assert count == 1 or spent[count - 1] <= seconds + 1e-5
    assert count == len(pool) or spent[count] > seconds


def test_the_strategy_is_asked_for_more_until_the_seconds_are_spent() -> None:
    durations = np.array([0.5] * 90 + [20.0] * 10)  # a strategy that likes short ones
    asked: list[int] = []

    def shortest(count: int) -> Picked:
        asked.append(count)
        return Picked(np.arange(count))

    picked = Budget(1, 40.0, durations).spend(shortest)
    assert len(picked.positions) == 80
    assert asked[0] < 80 < asked[-1]


def test_targets_in_seconds_are_percentages_of_the_audio() -> None:
    durations = [1.0] * 50 + [3.0] * 50
    found = targets_of([10, 50, 100], durations, 4, FirstRoundSettings(), "seconds")
    assert found == (Target(10, 20.0), Target(50, 100.0), Target(100, 200.0))
    counted = targets_of([10, 50, 100], durations, 4, FirstRoundSettings(), "utterances")
    assert counted == (Target(10), Target(50), Target(100))
    # two of each class are more than 1 %: eight of mean length
    assert target_seconds([1, 50], durations, (8, 50)) == (16.0, 100.0)


def test_a_point_that_adds_no_utterance_of_mean_length_is_refused() -> None:
    with pytest.raises(BadSchedule, match=r"Bad schedule: 10 %"):
        target_seconds([1, 10], [2.0] * 100, (10, 10))


@pytest.mark.parametrize("strategy", ["random", "entropy", "class_balanced(margin)"])
def test_rounds_keep_to_their_seconds_and_the_last_takes_all(world: Any, strategy: str) -> None:
    durations = np.random.default_rng(0).uniform(0.5, 8.0, size=120)
    total = math.fsum(durations[world.fold.train])
    learner = ActiveLearner(
        world.make_classifier,
        world.fold,
        world.learner().oracle,
        world.learner()._validation,
        world.learner()._test,
        world.learner()._seeds,
        world.lifted,
        durations,
    )
    result = learner.first(RANDOM, None, 8, seconds=0.1 * total)
    for share, size in ((0.2, 16), (0.5, 40), (1.0, 80)):
        spent = math.fsum(durations[result.labelled])
        assert spent <= share * total
        state = RoundState(result.labelled, result.weights)
        result = learner.next(state, strategy_of(strategy), size, "previous", seconds=share * total)
        left = share * total - math.fsum(durations[result.labelled])
        assert 0 <= left + 1e-6 < durations.max()
    assert len(result.labelled) == len(world.fold.train)


def test_durations_must_be_known(world: Any) -> None:
    with pytest.raises(ValueError, match="needs the durations"):
        world.learner().first(RANDOM, None, 8, seconds=20.0)
