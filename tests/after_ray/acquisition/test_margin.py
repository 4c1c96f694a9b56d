from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.acquisition import PoolEvidence
from after_ray.acquisition.margin import Margin


def test_scores_of_the_worked_example(six_utterances: NDArray[np.float64]) -> None:
    expected = [0.0, -0.96, 0.0, -0.05, -0.20, -0.30]
    np.testing.assert_allclose(Margin().score(six_utterances), expected, atol=1e-6)


def test_order_of_the_worked_example(six_utterances: NDArray[np.float64]) -> None:
    picks = Margin().select(PoolEvidence(6, six_utterances), 6, np.random.default_rng(0))
    assert picks.positions.tolist() == [0, 2, 3, 4, 5, 1]


def test_scores_from_logits_also_where_they_saturate(from_logits: NDArray[np.float64]) -> None:
    with np.errstate(all="raise", under="ignore"):
        scores = Margin().score(from_logits)
    np.testing.assert_allclose(scores, [-0.407031, -1.0], atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 4, 20])
def test_equals_the_difference_of_the_two_highest_of_a_full_sort(classes: int) -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(classes), size=500)
    ordered = np.sort(probabilities, axis=1)
    expected = ordered[:, -2] - ordered[:, -1]
    np.testing.assert_allclose(Margin().score(np.log(probabilities)), expected, atol=1e-15)
