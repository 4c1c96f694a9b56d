from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition import PoolEvidence
from after_ray.acquisition.least_confidence import LeastConfidence


def test_scores_of_the_worked_example(six_utterances: NDArray[np.float64]) -> None:
    expected = [0.75, 0.03, 0.50, 0.55, 0.60, 0.40]
    np.testing.assert_allclose(LeastConfidence().score(six_utterances), expected, atol=1e-6)


def test_order_of_the_worked_example(six_utterances: NDArray[np.float64]) -> None:
    picks = LeastConfidence().select(PoolEvidence(6, six_utterances), 6, np.random.default_rng(0))
    assert picks.positions.tolist() == [0, 4, 3, 2, 5, 1]


def test_scores_from_logits_also_where_they_saturate(from_logits: NDArray[np.float64]) -> None:
    with np.errstate(all="raise", under="ignore"):
        scores = LeastConfidence().score(from_logits)
    np.testing.assert_allclose(scores, [0.356086, 0.0], atol=1e-6)


def test_very_certain_utterances_are_told_apart() -> None:
    best = np.array([-1e-17, -3e-17, -2e-17])  # all three probabilities round to 1
    log_probabilities = np.stack([best, np.full(3, -39.0)], axis=1)
    picks = LeastConfidence().select(PoolEvidence(3, log_probabilities), 3, np.random.default_rng(0))
    assert picks.positions.tolist() == [1, 2, 0]
