"""ALPs by the worked example of its definition, and by what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from after_ray.acquisition import Picked, PoolEvidence
from after_ray.acquisition import alps as module
from after_ray.acquisition.alps import Alps, normalised, representatives

EXAMPLE = np.array([[4, 0, 0], [4, 1, 0], [4, 2, 0], [0, 0, 2], [0, 1, 6]], dtype=np.float32)


def select(losses: NDArray[np.float32], budget: int, seed: int = 0) -> Picked:
    return Alps().select(PoolEvidence(len(losses), frame_losses=losses), budget, np.random.default_rng(seed))


def some_losses(size: int = 200, stretches: int = 16) -> NDArray[np.float32]:
    """Sparse, as sampled frames leave them."""
    draws = np.random.default_rng(4)
    values = draws.exponential(size=(size, stretches)) * (draws.random((size, stretches)) < 0.4)
    return values.astype(np.float32)


def test_vectors_of_the_worked_example_have_length_1() -> None:
    left = [[1, 0, 0], [0.970143, 0.242536, 0], [0.894427, 0.447214, 0]]
    right = [[0, 0, 1], [0, 0.164399, 0.986394]]
    assert normalised(EXAMPLE) == pytest.approx(np.array([*left, *right]), abs=1e-6)


def test_the_utterances_nearest_to_the_centroids_of_the_worked_example() -> None:
    points = normalised(EXAMPLE)
    centroids = np.stack([points[:3].mean(axis=0), points[3:].mean(axis=0)])
    assert centroids == pytest.approx(np.array([[0.954857, 0.229916, 0], [0, 0.082199, 0.993197]]), abs=1e-6)
    distances = np.linalg.norm(points[:3] - centroids[0], axis=1)
    assert distances == pytest.approx(np.array([0.234306, 0.019822, 0.225543]), abs=1e-6)
    assert np.linalg.norm(points[3:] - centroids[1], axis=1) == pytest.approx(0.082481, abs=1e-6)
    for order in ([0, 1], [1, 0]):
        assert representatives(points, centroids[order]).tolist() == [1, 3], "a tie goes to the lower id"


@pytest.mark.parametrize("seed", range(5))
def test_the_picks_of_the_worked_example_are_those_of_two_clusters(seed: int) -> None:
    picked = select(EXAMPLE, 2, seed)
    assert picked.positions.tolist() == [1, 3], "the larger cluster comes first"
    assert picked.details == {"clusters": 2, "drawn": 0}


def test_how_loud_surprise_is_does_not_matter() -> None:
    losses = some_losses()
    first = select(losses, 12).positions
    scales = np.random.default_rng(0).choice([0.25, 2.0, 64.0], size=(len(losses), 1)).astype(np.float32)
    assert np.array_equal(select(losses * scales, 12).positions, first)
    assert np.array_equal(select(losses * np.float32(1e-30), 12).positions, first)


def test_duplicates_of_one_utterance_are_one_place_and_the_first_of_them_is_picked() -> None:
    losses = np.repeat(EXAMPLE[[0, 3]], [6, 2], axis=0) * np.arange(1, 9, dtype=np.float32)[:, None]
    picked = select(losses, 2)
    assert picked.positions.tolist() == [0, 6]
    more = select(losses, 5)
    assert more.positions[:2].tolist() == [0, 6]
    assert more.details == {"clusters": 2, "drawn": 3}
    assert len(set(more.positions.tolist())) == 5
    drawn = {tuple(select(losses, 5, seed).positions[2:].tolist()) for seed in range(20)}
    assert len(drawn) > 5, "what is filled up is drawn"


def test_utterances_without_any_surprise_stand_at_the_origin() -> None:
    losses = np.concatenate([EXAMPLE, np.zeros((4, 3), dtype=np.float32)])
    assert np.array_equal(normalised(losses)[5:], np.zeros((4, 3)))
    assert sorted(select(losses, 3).positions.tolist()) == [1, 3, 5]
    assert len(set(select(np.zeros((6, 3), dtype=np.float32), 4).positions.tolist())) == 4


def test_clusters_come_by_falling_size_then_by_their_utterance() -> None:
    points = np.array([[0.0], [10.0], [10.1], [20.0], [30.0], [30.1], [30.2]])
    centroids = np.array([[20.0], [10.05], [0.0], [30.1]])
    assert representatives(points, centroids).tolist() == [5, 1, 0, 3]


def test_an_utterance_that_is_nearest_to_two_centroids_is_picked_once() -> None:
    points = np.array([[0.0], [1.0], [9.0]])
    assert representatives(points, np.array([[0.1], [0.2], [9.0]])).tolist() == [0, 2]


def test_nearest_are_found_in_pieces_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    points = normalised(some_losses())
    centroids = points[::9]
    whole = representatives(points, centroids)
    monkeypatch.setattr(module, "ENTRIES", 1)
    assert np.array_equal(representatives(points, centroids), whole)


@pytest.mark.parametrize("exact", [0, 10**9], ids=["mini-batches", "exact"])
def test_picks_depend_on_no_number_of_threads(exact: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT", exact)
    losses = some_losses(3_000, 64)
    points, centroids = normalised(losses), []
    for threads in (1, 2):
        with threadpool_limits(threads):
            centroids.append(module._centroids(points, 60, seed=0))
    assert np.array_equal(*centroids), "to the bit: picks are the same"
    assert len(set(select(losses, 60).positions.tolist())) == 60


def test_picks_cover_the_pool_better_than_a_draw_does() -> None:
    losses = some_losses(2_000)
    points = normalised(losses)

    def covered(positions: NDArray[np.int64]) -> float:
        return float(np.linalg.norm(points[:, None] - points[positions], axis=2).min(axis=1).mean())

    draws = np.random.default_rng(0)
    drawn = [covered(draws.choice(len(points), 50, replace=False)) for _ in range(20)]
    assert covered(select(losses, 50).positions) < min(drawn)
