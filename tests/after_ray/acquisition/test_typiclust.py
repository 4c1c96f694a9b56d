"""TypiClust: typicality by all distances, and the order in which clusters are visited."""

from __future__ import annotations

import numpy as np
import pytest

from after_ray.acquisition import LabelledEvidence, Picked, PoolEvidence, strategy_of, typiclust
from after_ray.acquisition.typiclust import typicality
from after_ray.testing import STRATEGY_PROMISES, Promise


@pytest.mark.parametrize("promise", STRATEGY_PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("options", ["features=embeddings", "most_clusters=3, neighbours=1"])
def test_keeps(options: str, promise: Promise) -> None:
    promise(strategy_of(f"typiclust({options})"))


@pytest.mark.parametrize(("size", "near"), [(2, 1), (3, 1), (9, 4), (41, 20), (90, 20)])
def test_typicality_is_the_inverse_mean_distance_to_the_nearest(
    size: int, near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typiclust, "BLOCK", 16)
    points = np.random.default_rng(0).normal(size=(size, 5))
    distances = np.sort(np.linalg.norm(points[:, None] - points, axis=2), axis=1)[:, 1 : near + 1]
    np.testing.assert_allclose(typicality(points, 20), 1 / (distances.mean(axis=1) + 1e-5), rtol=1e-6)


def test_equal_points_are_equally_typical_and_one_alone_is_not() -> None:
    points = np.random.default_rng(0).normal(size=(3, 33))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    repeated = typicality(points[np.arange(39) % 3], 20)
    for one in range(3):
        assert len(set(repeated[one::3].tolist())) == 1
    assert typicality(points[:1], 20).tolist() == [0.0]


SIZES = {0: 30, 1: 20, 2: 12, 3: 4}


def four_groups(labelled: list[int], budget: int) -> tuple[Picked, np.ndarray]:
    """A pool of four directions of different frequency, and labelled utterances of some of them."""
    generator = np.random.default_rng(0)
    groups = np.repeat(list(SIZES), list(SIZES.values()))
    generator.shuffle(groups)
    pool, known = (
        10.0 * np.eye(4, 8)[which] + 0.3 * generator.normal(size=(len(which), 8))
        for which in (groups, np.array(labelled, dtype=int))
    )
    evidence = PoolEvidence(
        len(groups),
        embeddings=pool.astype(np.float32),
        labelled=LabelledEvidence(np.zeros(len(known), dtype=np.int64), known.astype(np.float32)),
    )
    strategy = strategy_of("typiclust(features=embeddings, most_clusters=4)")
    return strategy.select(evidence, budget, np.random.default_rng(0)), groups


def test_clusters_without_labels_come_first_the_largest_before_all_others() -> None:
    picked, groups = four_groups(labelled=[0, 0, 1], budget=9)
    assert groups[picked.positions].tolist() == [2, 1, 0, 2, 1, 0, 2, 1, 0]
    assert picked.details == {"clusters": 4, "clusters_labelled": 2}


def test_small_clusters_wait_until_all_others_are_used_up() -> None:
    picked, groups = four_groups(labelled=[0, 0, 1], budget=66)
    assert (groups[picked.positions[:62]] != 3).all()
    assert (groups[picked.positions[62:]] == 3).all()


def test_the_most_typical_of_a_cluster_comes_first() -> None:
    picked, groups = four_groups(labelled=[], budget=66)
    assert groups[picked.positions[:6]].tolist() == [0, 1, 2, 0, 1, 2]  # by size where none is labelled
    assert picked.scores is not None
    for group in SIZES:
        scores = picked.scores[groups[picked.positions] == group]
        assert (np.diff(scores) <= 0).all()
        assert scores[0] > scores[-1]


def test_equal_draws_give_equal_picks_and_there_are_as_many_clusters_as_picks_and_labels() -> None:
    summaries = np.random.default_rng(0).normal(size=(120, 6))
    labelled = LabelledEvidence(np.zeros(20, dtype=np.int64), summaries=summaries[100:])
    evidence = PoolEvidence(100, summaries=summaries[:100], labelled=labelled)
    one, other = (strategy_of("typiclust").select(evidence, 15, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one.positions, other.positions)
    assert one.details["clusters"] == 35
