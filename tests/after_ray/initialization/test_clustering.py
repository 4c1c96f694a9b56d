from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from after_ray.initialization._settings import ClusteringSettings, Distance
from after_ray.initialization.clustering import (
    Clustering,
    distances_to,
    distinct,
    elbow,
    k_means,
    round_robin,
    standardise,
    visiting_order,
)
from after_ray.seeds import SeedTree

TOY = np.array(
    [(1, 0), (1, 0.1), (0.9, -0.1), (0, 1), (0.1, 1), (-0.1, 0.9), (-1, -1), (-1.1, -1), (-1, -1.2), (4, 4.2)]
)
TOY_INERTIAS = [42.985, 12.295556, 2.89, 0.086667, 0.058333, 0.036667, 0.015]


@pytest.mark.parametrize(("k", "inertia"), zip(range(1, 8), TOY_INERTIAS, strict=True))
def test_inertias_of_the_toy(k: int, inertia: float) -> None:
    assert k_means(TOY, k, n_init=10, seed=0).inertia == pytest.approx(inertia, abs=1e-6)


def test_round_robin_of_the_toy_in_the_given_order_of_centroids() -> None:
    centroids = np.array([(0.966667, 0), (0, 0.966667), (-1.033333, -1.066667), (4, 4.2)])
    assert round_robin(distances_to(TOY, centroids), 6).tolist() == [0, 3, 6, 9, 1, 4]


def test_the_toy_from_end_to_end() -> None:
    chosen = Clustering(ClusteringSettings()).choose(8, TOY, 10, SeedTree(0))
    assert chosen.details["clusters"] == 4
    assert chosen.details["clusters_by"] == "kneedle"
    assert chosen.details["clusters_tried"] == [2, 3, 4, 5, 6, 7, 8]
    assert chosen.details["cluster_sizes"] == [3, 3, 3, 1]
    assert chosen.positions[:4].tolist() == [0, 3, 6, 9]
    json.dumps(chosen.details)  # goes into a record


def test_distance_is_euclidean_and_not_cosine() -> None:
    items = np.array([(10.0, 10.0), (1.1, 0.9), (0.0, 1.0)])
    assert round_robin(distances_to(items, np.array([(1.0, 1.0)])), 1).tolist() == [1]


def test_cosine_sees_the_direction_alone() -> None:
    items = np.array([(10.0, 10.0), (1.1, 0.9), (0.0, 1.0), (0.0, 0.0), (-1.0, -1.0)])
    distances = distances_to(items, np.array([(1.0, 1.0)]), "cosine")
    np.testing.assert_allclose(
        distances[:, 0], [0, 1 - 2 / np.sqrt(4.04), 1 - np.sqrt(0.5), 1, 2], atol=1e-12
    )
    assert round_robin(distances, 1).tolist() == [0]


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_equal_points_are_at_equal_distances_to_the_last_bit(distance: Distance) -> None:
    generator = np.random.default_rng(0)
    point, centroids = generator.normal(size=513), generator.normal(size=(3, 513))
    distances = distances_to(np.tile(point, (37, 1)), centroids, distance)
    assert (distances == distances[0]).all()


def test_the_official_choice_is_cosine_to_three_centroids_of_features_as_they_are() -> None:
    """The published selection, `round robin of argmax of the similarity`, on made-up vectors."""
    features = np.abs(np.random.default_rng(1).normal(size=(80, 6))) * [1, 1, 1, 9, 9, 9]
    settings = ClusteringSettings(k_min=3, k_max=3, distance="cosine", standardised=False)
    chosen = Clustering(settings).choose(20, features, 80, SeedTree(0))
    seed = SeedTree(0).child("k_means", 3).small_integer()
    solution = k_means(features, 3, 10, seed)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    similar = unit @ (solution.centroids / np.linalg.norm(solution.centroids, axis=1, keepdims=True)).T
    expected: list[int] = []
    for turn in range(20):
        sizes_fall = np.argsort(-solution.sizes, kind="stable")
        column = similar[:, sizes_fall[turn % 3]].copy()
        column[expected] = -np.inf
        expected.append(int(column.argmax()))
    assert len(set(solution.sizes.tolist())) == 3, "no tie between clusters"
    assert chosen.positions.tolist() == expected
    assert (chosen.details["clusters"], chosen.details["clusters_by"]) == (3, "given")


@pytest.mark.parametrize("change", [{"distance": "cosine"}, {"standardised": False}])
def test_distance_and_standardisation_decide_what_is_chosen(change: dict[str, Any]) -> None:
    features = np.random.default_rng(1).normal(3.0, 1.0, size=(80, 6)) * [1, 1, 1, 9, 9, 9]
    usual, other = (
        Clustering(ClusteringSettings(**changes)).choose(12, features, 80, SeedTree(0)).positions
        for changes in ({}, change)
    )
    assert set(usual.tolist()) != set(other.tolist())


def test_new_settings_at_their_defaults_are_in_no_key() -> None:
    meaning = ClusteringSettings(distance="euclidean", standardised=True).meaning()
    assert meaning == {"name": "clustering", "k_min": 2, "k_max": 10, "n_init": 10}
    assert ClusteringSettings(distance="cosine").meaning()["distance"] == "cosine"
    assert ClusteringSettings(standardised=False).meaning()["standardised"] is False


def test_a_range_of_clusters_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValidationError, match="k_min 5 is above k_max 3"):
        ClusteringSettings(k_min=5, k_max=3)


def test_elbow_is_that_of_kneedle() -> None:
    assert elbow([1, 2, 3, 4, 5, 6, 7], [100, 52, 28, 24, 21, 19, 18]) == (3, "kneedle")


def test_elbow_without_a_bend_is_furthest_below_the_chord() -> None:
    assert elbow([2, 3, 4, 5], [10.0, 6.5, 3.3, 0.0]) == (3, "chord")


@pytest.mark.parametrize("inertias", [[5.0], [5.0, 1.0], [5.0, 5.0, 5.0], [0.0, 0.0, 0.0, 0.0]])
def test_elbow_of_a_short_or_flat_curve_is_the_smallest_k(inertias: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert elbow(list(range(2, 2 + len(inertias))), inertias) == (2, "smallest")


def test_clusters_are_visited_by_falling_size_then_by_the_nearest_item() -> None:
    distances = distances_to(np.array([(0.0,), (1.0,), (2.0,), (3.0,)]), np.array([(3.0,), (0.0,), (1.0,)]))
    assert visiting_order(distances, np.array([1, 1, 2])).tolist() == [2, 1, 0]


@given(
    coordinates=st.lists(st.integers(0, 3), min_size=1, max_size=15),
    centers=st.lists(st.integers(0, 3), min_size=1, max_size=4),
)
def test_round_robin_equals_the_search_of_all_unchosen_items(
    coordinates: list[int], centers: list[int]
) -> None:
    distances = distances_to(np.array(coordinates, float)[:, None], np.array(centers, float)[:, None])
    left, expected = list(range(len(coordinates))), []
    for turn in range(len(coordinates)):
        pick = min(left, key=lambda item: (distances[item, turn % len(centers)], item))
        left.remove(pick)
        expected.append(pick)
    assert round_robin(distances, len(coordinates)).tolist() == expected


def test_constant_columns_become_zero_and_the_others_standard() -> None:
    raw = np.random.default_rng(0).normal(5.0, 3.0, size=(100, 4))
    raw[:, 1] = 0.1  # its mean over 100 rows is not exactly 0.1
    raw[:, 2] = 0.0
    points = standardise(raw)
    assert not points[:, [1, 2]].any()
    np.testing.assert_allclose(points[:, [0, 3]].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(points[:, [0, 3]].std(axis=0), 1)


def test_the_scale_of_a_feature_decides_nothing() -> None:
    features = np.random.default_rng(0).normal(size=(60, 2))
    one, other = (
        Clustering(ClusteringSettings()).choose(8, features * scale, 60, SeedTree(0))
        for scale in (1, [1, 1024])
    )
    np.testing.assert_array_equal(one.positions, other.positions)


@pytest.mark.parametrize("distinct", [1, 2, 3])
def test_fewer_distinct_utterances_than_clusters_work_without_a_warning(distinct: int) -> None:
    features = np.repeat(np.eye(3)[:distinct], 10, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = Clustering(ClusteringSettings()).choose(8, features, 10 * distinct, SeedTree(0))
    assert len(set(chosen.positions.tolist())) == 8
    assert {int(p) // 10 for p in chosen.positions} == set(range(min(distinct, chosen.details["clusters"])))  # type: ignore[call-overload]


def test_a_round_of_one_takes_the_most_central_utterance() -> None:
    features = np.array([[0.0], [1.0], [2.1], [3.0], [4.0]])
    chosen = Clustering(ClusteringSettings()).choose(1, features, 5, SeedTree(0))
    assert chosen.positions.tolist() == [2]


def test_the_range_of_k_shifts_no_draw() -> None:
    features = np.random.default_rng(0).normal(size=(200, 5))
    inertias = {}
    for k_max in (6, 10):
        details = Clustering(ClusteringSettings(k_max=k_max)).choose(12, features, 200, SeedTree(0)).details
        inertias[k_max] = details["inertias"]
    assert inertias[6] == inertias[10][:5]


def test_the_caller_keeps_the_features_as_they_were() -> None:
    features = np.random.default_rng(0).normal(size=(30, 3))
    before = features.copy()
    Clustering(ClusteringSettings()).choose(8, features, 30, SeedTree(0))
    np.testing.assert_array_equal(features, before)


def test_no_features_are_refused() -> None:
    with pytest.raises(ValueError, match="pool of 9, got none"):
        Clustering(ClusteringSettings()).choose(3, None, 9, SeedTree(0))


def test_distinct_points_are_counted_up_to_a_limit() -> None:
    points = np.array([[0.0, 1.0], [-0.0, 1.0], [2.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
    assert distinct(points, 10) == len(np.unique(points, axis=0)) == 3
    assert distinct(points, 2) == 2
