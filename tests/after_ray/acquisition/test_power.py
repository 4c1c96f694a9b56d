from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.acquisition import PoolEvidence, Scored, strategy_of
from after_ray.acquisition.power import Power
from after_ray.testing import random_evidence


class Known(Scored):
    """Scores that are known beforehand."""

    def scores(self, evidence: PoolEvidence, generator: np.random.Generator) -> NDArray[np.float64]:
        assert evidence.log_probabilities is not None
        return evidence.log_probabilities[:, 0]


def shares(scores: list[float], exponent: float, draws: int = 20_000) -> NDArray[np.float64]:
    """How often each utterance is drawn first."""
    evidence = PoolEvidence(len(scores), np.array(scores)[:, None])
    strategy, generator = Power(Known(), exponent), np.random.default_rng(0)
    first = [strategy.select(evidence, 1, generator).positions[0] for _ in range(draws)]
    return np.bincount(first, minlength=len(scores)) / draws


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_is_drawn_in_proportion_to_the_power_of_its_score(exponent: float) -> None:
    scores = [1.0, 0.5, 0.25, 0.0]
    expected = np.array(scores) ** exponent / np.sum(np.array(scores) ** exponent)
    np.testing.assert_allclose(shares(scores, exponent), expected, atol=0.015)


def test_negative_scores_are_drawn_by_their_ranks() -> None:
    expected = np.array([1 / 3, 1, 1 / 2]) / (1 + 1 / 2 + 1 / 3)
    np.testing.assert_allclose(shares([-0.9, -0.1, -0.2], 1.0), expected, atol=0.015)


def test_a_score_of_zero_comes_after_all_others_and_in_no_order() -> None:
    evidence = PoolEvidence(6, np.array([0.0, 0.0, 1e-9, 0.0, 1.0, 0.0])[:, None])
    orders = set()
    for seed in range(20):
        positions = Power(Known()).select(evidence, 6, np.random.default_rng(seed)).positions.tolist()
        assert set(positions[:2]) == {2, 4}
        orders.add(tuple(positions[2:]))
    assert len(orders) > 5


def test_over_a_strategy_without_scores_the_ranking_counts() -> None:
    """Random itself draws the ranking, so every utterance comes first equally often."""
    generator, counts = np.random.default_rng(0), np.zeros(6, dtype=np.int64)
    strategy = strategy_of("power(random)")
    for _ in range(6000):
        counts[strategy.select(PoolEvidence(6), 2, generator).positions] += 1
    assert np.abs(counts - 2000).max() < 200


def test_ranks_the_pool_by_what_it_drew_so_that_another_wrapper_goes_by_that() -> None:
    evidence = PoolEvidence(40, np.linspace(0.1, 0.9, 40)[:, None])
    picked = Power(Known()).select(evidence, 8, np.random.default_rng(0))
    assert picked.pool_scores is not None
    np.testing.assert_array_equal(picked.positions, np.argsort(-picked.pool_scores)[:8])
    np.testing.assert_array_equal(picked.scores, picked.pool_scores[picked.positions])
    assert not strategy_of("power(random)").ranks_pool


PAIRS = ("power(class_balanced(entropy))", "class_balanced(power(entropy))", "power(power(entropy))")


@pytest.mark.parametrize("nested", PAIRS)
def test_a_wrapper_over_a_wrapper_is_neither_of_them_alone(nested: str) -> None:
    outer, inner = nested.split("(", 1)[0], nested.split("(", 1)[1][:-1]
    picked = []
    for name in (nested, f"{outer}(entropy)", inner, "entropy"):
        strategy = strategy_of(name)
        evidence = random_evidence(strategy_of("class_balanced(entropy)"), size=200)
        picked.append(strategy.select(evidence, 20, np.random.default_rng(3)).positions.tolist())
    assert picked[0] not in picked[1:]
