from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.acquisition import PoolEvidence
from after_ray.acquisition.entropy import Entropy


def test_scores_of_the_worked_example(six_utterances: NDArray[np.float64]) -> None:
    expected = [1.386294, 0.167701, 0.693147, 1.105890, 1.332179, 0.967260]
    np.testing.assert_allclose(Entropy().score(six_utterances), expected, atol=1e-6)


def test_order_of_the_worked_example(six_utterances: NDArray[np.float64]) -> None:
    picks = Entropy().select(PoolEvidence(6, six_utterances), 6, np.random.default_rng(0))
    assert picks.positions.tolist() == [0, 4, 3, 5, 2, 1]


def test_scores_from_logits_also_where_they_saturate(from_logits: NDArray[np.float64]) -> None:
    with np.errstate(all="raise", under="ignore"):
        scores = Entropy().score(from_logits)
    np.testing.assert_allclose(scores, [0.947537, 0.0], atol=1e-6)


@pytest.mark.parametrize("classes", [2, 4, 20])
def test_is_bounded_by_the_logarithm_of_the_number_of_classes(classes: int) -> None:
    uniform = np.full((1, classes), -np.log(classes))
    assert Entropy().score(uniform)[0] == pytest.approx(np.log(classes))


def test_half_precision_is_summed_in_double_precision(from_logits: NDArray[np.float64]) -> None:
    half = np.array([[-11.0, -2e-05, -14.0, -17.0], [-0.7, -0.7, -9.0, -9.0]], dtype=np.float16)
    scores = Entropy().scores(PoolEvidence(2, half), np.random.default_rng(0))  # type: ignore[arg-type]
    assert scores.dtype == np.float64
    np.testing.assert_array_equal(scores, Entropy().score(half.astype(np.float64)))
    assert scores[0] > 2e-4  # exp(-11) is below half precision's reach, its share of the entropy is not
