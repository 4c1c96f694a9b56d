from __future__ import annotations

import numpy as np
import pytest

from after_ray.learning.restart import shrunk, start_of
from after_ray.learning.settings import Restart

BEFORE = {"weight": np.array([1.0, 2.0], dtype=np.float32), "batches": np.array(10)}
FRESH = {"weight": np.array([3.0, -2.0], dtype=np.float32), "batches": np.array(0)}


def test_shrunk_weights_lie_between_those_before_and_fresh_ones() -> None:
    start = shrunk(BEFORE, FRESH)
    np.testing.assert_allclose(start["weight"], [0.6 * 1 + 0.4 * 3, 0.6 * 2 - 0.4 * 2], rtol=1e-6)
    assert start["weight"].dtype == np.float32
    assert start["batches"].tolist() == 6


@pytest.mark.parametrize(
    ("restart", "expected"), [("previous", 1.0), ("pretrained", None), ("shrink_perturb", 1.8)]
)
def test_each_restart_starts_where_it_says(restart: Restart, expected: float | None) -> None:
    start = start_of(restart, BEFORE, lambda: FRESH)
    assert (None if start is None else start["weight"][0]) == pytest.approx(expected)


def test_a_classifier_without_a_start_is_trained_afresh() -> None:
    assert start_of("shrink_perturb", BEFORE, lambda: None) is None
