"""wav2vec 2.0 & clustering: the worked examples of the baseline, and both ways to choose k."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.acquisition import Picked, PoolEvidence, strategies, strategy_of
from after_ray.acquisition.clustering import members_in_turn
from after_ray.clusters import distances_to, k_means
from after_ray.errors import BadStrategy
from after_ray.seeds import SeedTree
from after_ray.testing import STRATEGY_PROMISES, Promise

TOY = np.array(
    [(1, 0), (1, 0.1), (0.9, -0.1), (0, 1), (0.1, 1), (-0.1, 0.9), (-1, -1), (-1.1, -1), (-1, -1.2), (4, 4.2)]
)


def pick(expression: str, points: NDArray[np.float64], budget: int, seed: int = 0) -> Picked:
    evidence = PoolEvidence(len(points), summaries=points)
    return strategy_of(expression).select(evidence, budget, np.random.default_rng(seed))


@pytest.mark.parametrize("promise", STRATEGY_PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("expression", ["clustering(k=budget)", "clustering(distance=cosine, n_init=1)"])
def test_keeps(expression: str, promise: Promise) -> None:
    promise(strategy_of(expression))


def test_round_robin_of_the_toy() -> None:
    picked = pick("clustering(k_min=4, k_max=4, standardised=false)", TOY, 6)
    assert picked.positions.tolist() == [0, 3, 6, 9, 1, 4]
    assert picked.scores is not None
    np.testing.assert_allclose(picked.scores[:4], [0.033333, 0.033333, 0.074536, 0], atol=1e-6)
    assert picked.details["clusters_by"] == "given"


def test_the_elbow_of_the_toy_is_recorded_as_at_round_0() -> None:
    picked = pick("clustering", TOY, 8)
    assert (picked.details["clusters"], picked.details["clusters_by"]) == (4, "kneedle")
    assert picked.details["clusters_tried"] == [2, 3, 4, 5, 6, 7, 8]
    assert picked.details["cluster_sizes"] == [3, 3, 3, 1]
    assert picked.positions[:4].tolist() == [0, 3, 6, 9]
    json.dumps(picked.details)


def test_what_is_left_is_clustered_anew() -> None:
    left = np.delete(TOY, [0, 3, 6, 9], axis=0)
    picked = pick("clustering(standardised=false)", left, 3)
    assert sorted(picked.positions // 2) == [0, 1, 2]


def test_cosine_picks_by_the_angle() -> None:
    items = np.array([(10.0, 10.0), (1.1, 0.9), (0.0, 1.0), (-9.0, -10.0)])
    options = "k_min=1, k_max=1, standardised=false"
    centre = items.mean(axis=0)
    for distance in ("euclidean", "cosine"):
        first = pick(f"clustering({options}, distance={distance})", items, 1).positions[0]
        assert first == distances_to(items, centre[None], distance)[:, 0].argmin()  # type: ignore[arg-type]


def test_as_many_clusters_as_picks_give_the_nearest_member_of_each() -> None:
    points = np.random.default_rng(3).normal(size=(80, 4))
    picked = pick("clustering(k=budget, standardised=false, n_init=3)", points, 12)
    details = picked.details
    assert (details["clusters"], details["clusters_by"], details["clusters_tried"]) == (12, "budget", [12])
    assert len(details["cluster_sizes"]) == 12  # type: ignore[arg-type]
    sizes = np.array(details["cluster_sizes"])
    assert (np.diff(sizes) <= 0).all()
    assert sizes.sum() == 80
    seeds = SeedTree(int(np.random.default_rng(0).integers(2**63))).child("k_means", 12)
    clusters = k_means(points, 12, 3, seeds.small_integer())
    distances = distances_to(points, clusters.centroids)
    distances[clusters.labels[:, None] != np.arange(12)] = np.inf  # only members are taken
    assert set(picked.positions.tolist()) == set(distances.argmin(axis=0).tolist())
    nearest = distances.min(axis=1)[picked.positions]
    np.testing.assert_array_equal(picked.scores, nearest)  # type: ignore[arg-type]


def test_members_in_turn_equals_the_search_through_clusters() -> None:
    generator = np.random.default_rng(0)
    points = generator.integers(0, 4, size=(40, 2)).astype(float)
    clusters = k_means(points, 5, 5, 0)
    distances = distances_to(points, clusters.centroids)[np.arange(40), clusters.labels]
    positions, order = members_in_turn(clusters, distances, 40)
    left, expected, turn = set(range(40)), list[int](), 0
    while left:
        members = [item for item in left if clusters.labels[item] == order[turn % 5]]
        if members:
            expected.append(min(members, key=lambda item: (distances[item], item)))
            left.remove(expected[-1])
        turn += 1
    assert positions.tolist() == expected
    assert (np.diff(clusters.sizes[order]) <= 0).all()


def test_more_picks_than_different_utterances_go_round_the_clusters() -> None:
    picked = pick("clustering(k=budget)", np.repeat(np.eye(3), 4, axis=0), 7)
    assert picked.details["clusters"] == 3
    assert np.bincount(picked.positions // 4).tolist() == [3, 2, 2]


def test_other_draws_give_other_starts_and_the_range_of_k_shifts_none() -> None:
    points = np.random.default_rng(0).normal(size=(200, 5))
    narrow, wide = (pick(f"clustering(k_max={most}, n_init=1)", points, 12) for most in (6, 9))
    assert narrow.details["inertias"] == wide.details["inertias"][:5]  # type: ignore[index]
    other = pick("clustering(k_max=6, n_init=1)", points, 12, seed=1)
    assert other.details["inertias"] != narrow.details["inertias"]


def test_a_range_of_clusters_that_runs_backwards_is_refused() -> None:
    with pytest.raises(BadStrategy, match="k_min 5 is above k_max 3"):
        strategy_of("clustering(k_min=5, k_max=3)")


def test_the_evidence_of_labelled_utterances_decides_nothing() -> None:
    assert {kind.value for kind in strategies.resolve("clustering")().needs} == {"summaries"}
    evidence = PoolEvidence(10, summaries=TOY)
    more = replace(evidence, labelled=replace(evidence.labelled, labels=np.array([1, 2])))
    strategy = strategy_of("clustering")
    one, other = (strategy.select(each, 5, np.random.default_rng(0)).positions for each in (evidence, more))
    np.testing.assert_array_equal(one, other)
