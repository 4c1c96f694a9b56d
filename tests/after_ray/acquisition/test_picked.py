"""What a strategy gives back is looked at before anybody relies on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from after_ray.acquisition import Picked, PoolEvidence, Scored, Strategy, strategy_of
from after_ray.errors import BadValue, BrokenStrategy, UnusableScores
from after_ray.testing import _strategies as testing

FIVE = np.arange(5)


def giving(value: Any) -> Strategy:
    class Giving(Strategy):
        def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
            return value  # type: ignore[no-any-return]

    return Giving()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (FIVE, "it returned a ndarray, not Picked"),
        (Picked([0, 1, 2]), "positions are a list, not a one-dimensional array of integers"),  # type: ignore[arg-type]
        (Picked(FIVE.astype(float)), "positions are an array of float64"),  # type: ignore[arg-type]
        (Picked(FIVE[None]), "positions are an array of int64, not a one-dimensional"),
        (Picked(FIVE, np.ones(6)), r"scores have shape \(6,\), not \(5,\)"),
        (Picked(FIVE, [1.0] * 5), "scores are a list, not an array of floats"),  # type: ignore[arg-type]
        (Picked(FIVE, np.ones(5, dtype=np.uint8)), "scores are an array of uint8"),  # type: ignore[arg-type]
        (Picked(FIVE, np.array([1, 2, np.inf, 4, 5])), "scores are not finite"),
        (Picked(FIVE, None, np.ones(5)), r"pool_scores have shape \(5,\), not \(60,\)"),
        (Picked(FIVE, details={"a": np.float32(3)}), "details are not JSON values"),
        (Picked(FIVE, details={"a": float("nan")}), "details are not JSON values"),
    ],
)
def test_what_is_not_as_promised_is_refused_by_the_strategy_s_name(value: Any, said: str) -> None:
    evidence = PoolEvidence(60)
    with pytest.raises(BrokenStrategy, match=f"The strategy Giving breaks a promise: {said}"):
        giving(value).select(evidence, 5, np.random.default_rng(0))
    with pytest.raises(AssertionError, match="breaks a promise"):
        testing.picks_exactly_the_budget(giving(value))


class Counting(Scored):
    """Scores as somebody may give them: whole numbers of one byte."""

    values: Any = np.arange(60, dtype=np.uint8)

    def scores(self, evidence: PoolEvidence, generator: np.random.Generator) -> Any:
        return self.values


def test_scores_of_any_number_are_ranked_as_numbers() -> None:
    picked = Counting().select(PoolEvidence(60), 3, np.random.default_rng(0))
    assert picked.positions.tolist() == [59, 58, 57]


@pytest.mark.parametrize("unusable", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_rank_nothing(unusable: float) -> None:
    strategy = Counting()
    strategy.values = np.where(np.arange(60) == 7, unusable, 1.0)
    with pytest.raises(UnusableScores, match="Counting cannot rank the pool: 1 of 60"):
        strategy.select(PoolEvidence(60), 3, np.random.default_rng(0))


def test_scores_of_another_pool_are_refused() -> None:
    with pytest.raises(BrokenStrategy, match=r"a pool of 50 has scores of shape \(60,\)"):
        Counting().select(PoolEvidence(50), 3, np.random.default_rng(0))


@pytest.mark.parametrize("budget", [-1, 2.5, "3"])
@pytest.mark.parametrize("name", ["entropy", "random", "coreset", "typiclust"])
def test_a_budget_that_is_no_number_of_utterances_is_refused(name: str, budget: Any) -> None:
    strategy = strategy_of(name)
    with pytest.raises(BadValue, match="a number of utterances, 0 or more"):
        strategy.select(testing.random_evidence(strategy), budget, np.random.default_rng(0))


def test_what_a_strategy_within_recorded_is_told_as_its_own() -> None:
    strategy = strategy_of("power(batchbald)")
    picked = strategy.select(testing.random_evidence(strategy), 4, np.random.default_rng(0))
    assert set(picked.details) == {"over"}, "it is about the ranking within, not about these picks"


@pytest.mark.parametrize("name", ["clustering", "alps", "typiclust", "probcover"])
def test_vectors_that_are_not_finite_are_refused_by_their_number(name: str) -> None:
    strategy = strategy_of(name)
    evidence = testing.random_evidence(strategy)
    vectors = evidence.frame_losses if name == "alps" else evidence.summaries
    assert vectors is not None
    vectors[3] = np.nan
    with pytest.raises(UnusableScores, match="1 of 60"):
        strategy.select(evidence, 5, np.random.default_rng(0))
