"""ProbCover: coverage by search through all pairs, the radius by the purity rule, and what comes after."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.acquisition import LabelledEvidence, PoolEvidence, probcover, strategy_of
from after_ray.acquisition.probcover import Neighbours, ProbCover, cover, nearest_of_another
from after_ray.clusters import labels_of
from after_ray.testing import STRATEGY_PROMISES, Promise


@pytest.fixture(params=[700, 32_000_000], ids=lambda most: f"{most} at once")
def _blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probcover, "ENTRIES", request.param)


@pytest.mark.parametrize("promise", STRATEGY_PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("options", ["delta=0.5", "features=embeddings, classes=4, sample=20"])
def test_keeps(options: str, promise: Promise) -> None:
    promise(strategy_of(f"probcover({options})"))


def units(size: int, width: int = 3, seed: int = 0) -> NDArray[np.float32]:
    points = np.random.default_rng(seed).normal(size=(size, width))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def distances(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.linalg.norm(
        points[:, None].astype(np.float64) - others.astype(np.float64), axis=2
    )
    return found


@pytest.mark.usefixtures("_blocks")
@pytest.mark.parametrize("labelled", [0, 5])
def test_equals_the_search_through_all_pairs(labelled: int) -> None:
    points = units(90 + labelled)
    pool, known = points[:90], points[90:]
    near = distances(pool, pool) <= 0.4
    covered = (distances(pool, known) <= 0.4).any(axis=1)
    graph = Neighbours(pool, 0.4)
    np.testing.assert_array_equal(graph.covered_by(known), covered)
    positions, gains, share = cover(graph, covered, 90)
    free, again = np.ones(90, dtype=bool), False
    for position, gain in zip(positions, gains, strict=True):
        counts = np.where(free, (near & ~covered).sum(axis=1), -1)
        if counts.max() <= 0:
            covered, again = ~free, True
            counts = np.where(free, (near & ~covered).sum(axis=1), -1)
        assert (position, gain) == (counts.argmax(), counts.max())
        free[position] = False
        covered = covered | near[position]
    assert again
    assert share == 1.0


def test_share_covered_is_that_of_the_first_cover() -> None:
    points = units(40)
    graph = Neighbours(points, 0.3)
    positions, _, share = cover(graph, np.zeros(40, dtype=bool), 4)
    assert share == (distances(points, points[positions]) <= 0.3).any(axis=1).mean() < 1


def test_equal_points_cover_each_other_at_any_radius() -> None:
    points = np.repeat(units(4, width=501), 5, axis=0)
    graph = Neighbours(points, 1e-6)
    assert graph.degrees.tolist() == [5] * 20
    assert graph.of(7).tolist() == [5, 6, 7, 8, 9]
    assert cover(graph, np.zeros(20, dtype=bool), 6)[0].tolist() == [0, 5, 10, 15, 1, 6]


@pytest.mark.usefixtures("_blocks")
def test_the_nearest_of_another_label() -> None:
    points = units(60)
    labels = np.random.default_rng(1).integers(3, size=60)
    centres = np.array([0, 5, 17, 18, 33, 41, 59])
    away = np.where(labels[centres, None] != labels, distances(points[centres], points), np.inf)
    np.testing.assert_allclose(
        nearest_of_another(points, labels, centres), away.min(axis=1) ** 2, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("purity", [0.7, 0.95])
def test_the_radius_is_the_largest_of_which_enough_balls_are_pure(purity: float) -> None:
    generator = np.random.default_rng(0)
    points = np.repeat(np.eye(3, 6), 60, axis=0) + 0.35 * generator.normal(size=(180, 6))
    evidence = PoolEvidence(
        180, embeddings=points.astype(np.float32), labelled=labels_without_vectors([0, 1, 2])
    )
    strategy = ProbCover(features="embeddings", purity=purity)
    details = strategy.select(evidence, 10, np.random.default_rng(0)).details
    assert details["pseudo_labels"] == 3
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    seed = int(np.random.default_rng(0).integers(2**31))
    everything = np.concatenate([unit, np.zeros((3, 6))])
    labels = labels_of(everything, 3, seed)
    apart = np.linalg.norm(everything[:, None] - everything, axis=2)
    other = labels[:, None] != labels
    delta = float(details["delta"])  # type: ignore[arg-type]

    def share(radius: float) -> float:
        return 1 - float((other & (apart <= radius)).any(axis=1).mean())

    assert share(delta - 1e-4) >= purity > share(delta + 1e-3)
    json.dumps(details)


def labels_without_vectors(labels: list[int]) -> LabelledEvidence:
    """Labelled utterances whose vectors are 0."""
    return LabelledEvidence(np.array(labels), np.zeros((len(labels), 6), dtype=np.float32))


def test_what_labelled_utterances_cover_is_not_sought() -> None:
    groups = np.repeat(np.eye(3, 6), [30, 20, 10], axis=0)
    embeddings = (groups + 0.02 * np.random.default_rng(0).normal(size=(60, 6))).astype(np.float32)
    known = LabelledEvidence(np.array([0]), np.eye(1, 6, dtype=np.float32))
    evidence = PoolEvidence(60, embeddings=embeddings, labelled=known)
    strategy = strategy_of("probcover(features=embeddings, delta=0.5)")
    picked = strategy.select(evidence, 3, np.random.default_rng(0))
    assert (picked.positions[:2] // 10).tolist() in ([3, 5], [4, 5])
    assert picked.scores is not None
    assert picked.scores.tolist() == [20, 10, 30]  # then all is covered, and it begins again
    assert picked.details == {"delta": 0.5, "covered_by_labelled": 0.5, "covered": 1.0}


def test_a_pool_of_one_pseudo_label_is_one_ball() -> None:
    evidence = PoolEvidence(
        12, embeddings=np.ones((12, 6), dtype=np.float32), labelled=labels_without_vectors([])
    )
    picked = strategy_of("probcover(features=embeddings)").select(evidence, 3, np.random.default_rng(0))
    assert picked.details["delta"] == 2.0
    assert picked.positions.tolist() == [0, 1, 2]
