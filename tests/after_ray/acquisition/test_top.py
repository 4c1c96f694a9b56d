from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from after_ray.acquisition import PoolEvidence, Uncertainty, strategies, strategy_of, top
from after_ray.errors import TooFewUtterances, UnusableScores

SCORED = [name for name in strategies.names() if issubclass(strategies.resolve(name), Uncertainty)]


@given(
    scores=arrays(
        np.float64, st.integers(1, 40), elements=st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 0.5, 1e-300])
    ),
    share=st.floats(0, 1),
)
def test_ties_and_infinities_are_ranked_as_by_a_stable_sort(scores: np.ndarray, share: float) -> None:
    budget = int(share * len(scores))
    np.testing.assert_array_equal(top(scores, budget), np.argsort(-scores, kind="stable")[:budget])


@pytest.mark.parametrize("name", SCORED)
def test_a_diverged_training_is_refused_and_not_ranked(name: str) -> None:
    log_probabilities = np.full((5, 4), np.log(0.25))
    log_probabilities[2] = np.nan
    with pytest.raises(UnusableScores, match="1 of 5 are"):
        strategies.resolve(name)().select(PoolEvidence(5, log_probabilities), 2, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["random", *SCORED])
def test_a_pool_below_the_budget_is_refused_with_both_numbers(name: str) -> None:
    with pytest.raises(TooFewUtterances, match="17 utterances available, 23 requested"):
        strategies.resolve(name)().select(PoolEvidence(17), 23, np.random.default_rng(0))


def test_with_two_classes_all_scores_rank_alike() -> None:
    first = np.random.default_rng(0).uniform(size=200)
    evidence = PoolEvidence(200, np.log(np.stack([first, 1 - first], axis=1)))
    picks = [strategy_of(name).select(evidence, 50, np.random.default_rng(0)).positions for name in SCORED]
    assert len(picks) >= 3
    for other in picks[1:]:
        np.testing.assert_array_equal(other, picks[0])
