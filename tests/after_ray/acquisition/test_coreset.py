"""k-center greedy equals the search of all points by all centres, whatever precision and ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from after_ray.acquisition import LabelledEvidence, PoolEvidence, _farthest, strategy_of
from after_ray.acquisition._farthest import FarthestFirst
from after_ray.errors import UnusableScores
from after_ray.testing import STRATEGY_PROMISES, Promise


def search(
    points: NDArray[np.float64], centres: NDArray[np.float64], budget: int
) -> tuple[list[int], list[float]]:
    """Every pick by comparing all points with all centres."""
    picks, distances = list[int](), list[float]()
    while len(picks) < budget:
        known = np.concatenate([centres, points[picks]])
        nearest = np.linalg.norm(points[:, None] - known, axis=2).min(axis=1)
        nearest[picks] = -1
        picks.append(int(nearest.argmax()))
        distances.append(float(nearest.max()))
    return picks, distances


@pytest.fixture(params=[1, 3, 256], ids=lambda followed: f"{followed} followed")
def _followed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_farthest, "FOLLOWED", request.param)
    monkeypatch.setattr(_farthest, "BLOCK", 37)
    monkeypatch.setattr(_farthest, "COLUMNS", 5)


@pytest.mark.parametrize("promise", STRATEGY_PROMISES, ids=lambda promise: promise.__name__)
def test_keeps_on_summaries(promise: Promise) -> None:
    promise(strategy_of("coreset(features=summaries)"))


@pytest.mark.usefixtures("_followed")
@pytest.mark.parametrize("kind", ["normal", "far from zero", "integers", "few different", "one outlier"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_equals_the_search(kind: str, dtype: type) -> None:
    generator = np.random.default_rng(0)
    points = generator.normal(size=(150, 6))
    if kind == "far from zero":
        points += 50
    elif kind == "integers":
        points = generator.integers(0, 4, size=(150, 3)).astype(float)
    elif kind == "few different":
        points = points[generator.integers(9, size=150)]
    elif kind == "one outlier":
        points[70] *= 1000
    points = points.astype(dtype)
    positions, distances = FarthestFirst(points[10:]).pick(points[:10], 100)
    expected, expected_distances = search(points[10:].astype(float), points[:10].astype(float), 100)
    assert positions.tolist() == expected
    np.testing.assert_allclose(distances, expected_distances, rtol=1e-12)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=12), st.integers(0, 2))
def test_equals_the_search_where_everything_ties(grid: list[tuple[int, int]], labelled: int) -> None:
    points = np.array(grid, dtype=float)
    pool, centres = points[labelled:], points[:labelled]
    positions, distances = FarthestFirst(pool).pick(centres, len(pool))
    if not labelled:
        first = int(((pool - pool.mean(axis=0).astype(np.float32)) ** 2).sum(axis=1).argmin())
        assert positions[0] == first
        rest, _ = search(pool, pool[[first]], len(pool) - 1)
        different = len(np.unique(pool, axis=0)) - 1  # then all are at 0, and the first one is free here
        assert positions[1 : 1 + different].tolist() == rest[:different]
    else:
        expected, expected_distances = search(pool, centres, len(pool))
        assert positions.tolist() == expected
        assert distances.tolist() == expected_distances


def test_with_nothing_labelled_it_begins_in_the_middle() -> None:
    line = np.array([[0.0], [1.0], [2.1], [3.0], [4.0]], dtype=np.float32)
    picked = strategy_of("coreset").select(PoolEvidence(5, embeddings=line, labelled=nothing()), 3, rng())
    assert picked.positions.tolist() == [2, 0, 4]
    np.testing.assert_allclose(picked.scores, [0.08, 2.1, 1.9], atol=1e-6)  # type: ignore[arg-type]


def test_labelled_utterances_are_centres() -> None:
    line = np.array([[0.0], [1.0], [2.0], [10.0]], dtype=np.float32)
    labelled = LabelledEvidence(np.array([0]), np.array([[9.0]], dtype=np.float32))
    picked = strategy_of("coreset").select(PoolEvidence(4, embeddings=line, labelled=labelled), 4, rng())
    assert picked.positions.tolist() == [0, 2, 1, 3]
    assert picked.scores is not None
    assert picked.scores.tolist() == [9.0, 2.0, 1.0, 1.0]


def test_scales_of_summaries_decide_nothing() -> None:
    summaries = np.random.default_rng(0).normal(size=(40, 3))
    one, other = (
        strategy_of("coreset(features=summaries)")
        .select(
            PoolEvidence(
                30,
                summaries=scaled[:30],
                labelled=LabelledEvidence(np.zeros(10, dtype=np.int64), summaries=scaled[30:]),
            ),
            12,
            rng(),
        )
        .positions
        for scaled in (summaries, summaries * [1, 1024, 1])
    )
    np.testing.assert_array_equal(one, other)


def test_embeddings_that_are_no_numbers_are_refused() -> None:
    broken = np.ones((5, 2), dtype=np.float32)
    broken[3] = np.nan
    with pytest.raises(UnusableScores, match="1 of 5"):
        strategy_of("coreset").select(PoolEvidence(5, embeddings=broken, labelled=nothing()), 2, rng())


def nothing() -> LabelledEvidence:
    return LabelledEvidence(np.empty(0, dtype=np.int64), np.empty((0, 1), dtype=np.float32))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)
