from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from after_ray.clusters import (
    ClusterSearch,
    Distance,
    distances_to,
    distances_within,
    distinct,
    elbow,
    k_means,
    labels_of,
    round_robin,
    solve,
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


def test_distinct_points_are_counted_up_to_a_limit() -> None:
    points = np.array([[0.0, 1.0], [-0.0, 1.0], [2.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
    assert distinct(points, 10) == len(np.unique(points, axis=0)) == 3
    assert distinct(points, 2) == 2


def test_distances_within_are_those_to_the_own_centroid() -> None:
    clusters = k_means(TOY, 4, n_init=10, seed=0)
    to_all = distances_to(TOY, clusters.centroids)
    np.testing.assert_array_equal(distances_within(TOY, clusters), to_all[np.arange(10), clusters.labels])
    np.testing.assert_array_equal(clusters.labels, to_all.argmin(axis=1))


def test_a_search_tries_every_number_up_to_what_will_be_picked() -> None:
    found = ClusterSearch(2, 10, 10).solve(TOY, 6, SeedTree(0))
    assert (found.tried, found.rule, len(found.clusters.sizes)) == ([2, 3, 4, 5, 6], "kneedle", 3)
    assert found.inertias == pytest.approx(TOY_INERTIAS[1:6], abs=1e-6)
    fixed = ClusterSearch(3, 3, 10).solve(TOY, 6, SeedTree(0))
    assert (fixed.tried, fixed.rule) == ([3], "given")


@pytest.mark.parametrize("k", [4, 60])
def test_labels_of_blobs_far_apart_are_the_blobs(k: int) -> None:
    generator = np.random.default_rng(0)
    blobs = np.repeat(np.arange(k), 8)
    points = 100.0 * generator.normal(size=(k, 6))[blobs] + 0.01 * generator.normal(size=(8 * k, 6))
    labels = labels_of(points, k, seed=1)
    pairs = {(int(one), int(other)) for one, other in zip(blobs, labels, strict=True)}
    assert (
        len({label for _, label in pairs}) > 0.8 * k
    )  # of many clusters by batches some are split or joined
    assert k > 50 or len(pairs) == k
    np.testing.assert_array_equal(labels, labels_of(points, k, seed=1))


@pytest.mark.parametrize("kind", ["normal", "repeated", "correlated"])
def test_bounds_and_threads_give_the_bits_of_plain_fits_one_after_another(kind: str) -> None:
    generator = np.random.default_rng(0)
    points = generator.normal(size=(400, 7))
    if kind == "repeated":
        points = points[generator.integers(90, size=400)]
    elif kind == "correlated":
        points = points[:, :3] @ generator.normal(size=(3, 30)) + 20.0
    points = standardise(points)
    for threads in (1, 2):
        with threadpool_limits(threads):
            solutions = solve(points, range(2, 9), 4, SeedTree(3))
        assert list(solutions) == list(range(2, 9))
        for k, solution in solutions.items():
            seed = SeedTree(3).child("k_means", k).small_integer()
            with threadpool_limits(1):
                plain = KMeans(k, n_init=4, random_state=seed).fit(points)
            np.testing.assert_array_equal(solution.centroids, plain.cluster_centers_)
            np.testing.assert_array_equal(solution.labels, plain.labels_)
            assert solution.inertia == plain.inertia_
