"""The official selector is the official call to the letter, and harmless to whoever does not ask for it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray import testing
from after_ray.acquisition import PoolEvidence, Strategy, selector_that_matters, strategies, strategy_of, top
from after_ray.acquisition._official_selection import OfficialArgpartition
from after_ray.acquisition.entropy import Entropy
from after_ray.acquisition.random import Random
from after_ray.errors import TooFewUtterances
from after_ray.testing import Promise

KEPT: tuple[Promise, ...] = (
    testing.picks_exactly_the_budget,
    testing.picks_nothing_twice,
    testing.repeats_itself,
    testing.touches_no_global_random_state,
    testing.leaves_the_evidence_alone,
    testing.refuses_too_small_a_pool,
    testing.bears_probabilities_of_zero_and_one,
)


class OfficialEntropy(OfficialArgpartition):
    def __init__(self) -> None:
        super().__init__(Entropy())


def pick(scores: NDArray[np.float64], budget: int) -> NDArray[np.int64]:
    return OfficialEntropy().pick(scores, budget, np.random.default_rng(0))


@pytest.mark.parametrize("promise", KEPT, ids=lambda promise: promise.__name__)
def test_keeps(promise: Promise) -> None:
    promise(OfficialEntropy())


@pytest.mark.parametrize("seed", range(50))
def test_picks_none_of_the_lowest_scores_and_not_the_highest(seed: int) -> None:
    """Of the N = 4308 of its first acquisition the official code takes k = 215."""
    scores = np.random.default_rng(seed).uniform(size=4308)
    picks = pick(scores, 215)
    assert len(set(picks.tolist())) == 215
    assert np.array_equal(picks, np.sort(picks)), "in the order of the pool"
    assert scores[picks].min() >= np.sort(scores)[215], "the 215 lowest scores lie below the pivot"
    assert set(picks.tolist()) != set(top(scores, 215).tolist())


def test_a_wrapped_strategy_is_asked_for_its_own_evidence_and_scores() -> None:
    evidence = testing.random_evidence(Entropy(), size=40)
    wrapped = strategy_of("entropy", "official_argpartition")
    assert wrapped.needs == Entropy.needs
    scores = Entropy().scores(evidence)
    np.testing.assert_array_equal(wrapped.scores(evidence), scores)
    expected = np.sort(np.argpartition(scores, 9)[-9:])
    np.testing.assert_array_equal(wrapped.select(evidence, 9, np.random.default_rng(0)), expected)


def test_a_strategy_without_scores_picks_for_itself() -> None:
    wrapped, alone = strategy_of("random", "official_argpartition"), Random()
    picks = [s.select(PoolEvidence(30), 7, np.random.default_rng(3)) for s in (wrapped, alone)]
    np.testing.assert_array_equal(*picks)
    assert wrapped.scores(PoolEvidence(30)) is None
    with pytest.raises(TooFewUtterances):
        wrapped.select(PoolEvidence(3), 7, np.random.default_rng(0))


@pytest.mark.parametrize("name", strategies.names())
def test_exact_is_the_strategy_as_it_is(name: str) -> None:
    assert type(strategy_of(name)) is strategies.resolve(name)


@pytest.mark.parametrize("name", strategies.names())
def test_a_selector_matters_where_there_are_scores(name: str) -> None:
    strategy: Strategy = strategies.resolve(name)()
    has_scores = strategy.scores(testing.random_evidence(strategy)) is not None
    expected = "official_argpartition" if has_scores else "exact"
    assert selector_that_matters(name, "official_argpartition") == expected
    assert selector_that_matters(name, "exact") == "exact"
