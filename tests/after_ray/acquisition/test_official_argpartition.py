"""The official selector is the official call to the letter, and harmless to whoever does not ask for it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray import testing
from after_ray.acquisition import (
    Judged,
    Picked,
    PoolEvidence,
    selector_that_matters,
    strategies,
    strategy_of,
    top,
)
from after_ray.acquisition.entropy import Entropy
from after_ray.acquisition.official_argpartition import OfficialArgpartition
from after_ray.acquisition.random import Random


def pick(scores: NDArray[np.float64], budget: int) -> NDArray[np.int64]:
    judged = Judged(np.arange(len(scores)), scores, Picked(np.arange(0)))
    evidence = PoolEvidence(len(scores))
    return OfficialArgpartition(Entropy()).pick(judged, evidence, budget, np.random.default_rng(0)).positions


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
    assert repr(type(wrapped)) == repr(type(strategy_of("official_argpartition(entropy)")))
    assert wrapped.needs == Entropy().needs
    picked = wrapped.select(evidence, 9, np.random.default_rng(0))
    scores = Entropy().scores(evidence, np.random.default_rng(0))
    assert picked.pool_scores is None, "picks are not the highest of them"
    expected = np.sort(np.argpartition(scores, 9)[-9:])
    np.testing.assert_array_equal(picked.positions, expected)
    np.testing.assert_array_equal(picked.scores, scores[expected])


def test_a_strategy_without_scores_picks_for_itself() -> None:
    evidence = PoolEvidence(30)
    wrapped = strategy_of("random", "official_argpartition").select(evidence, 7, np.random.default_rng(3))
    longer = Random().select(evidence, 21, np.random.default_rng(3))
    np.testing.assert_array_equal(wrapped.positions, longer.positions[:7])
    assert wrapped.scores is None
    for name in ("random", "class_balanced(margin)", "official_argpartition(entropy)"):
        assert selector_that_matters(name, "official_argpartition") == "exact"


@pytest.mark.parametrize("name", ["random", "entropy", "margin", "least_confidence"])
def test_exact_is_the_strategy_as_it_is(name: str) -> None:
    assert type(strategy_of(name)) is strategies.resolve(name)


@pytest.mark.parametrize("name", ["entropy", "margin", "power(entropy)"])
def test_a_selector_matters_where_there_are_scores(name: str) -> None:
    assert selector_that_matters(name, "official_argpartition") == "official_argpartition"
    assert selector_that_matters(name, "exact") == "exact"
