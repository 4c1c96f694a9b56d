from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from after_ray.clusters import k_means
from after_ray.initialization._settings import ClusteringSettings
from after_ray.initialization.clustering import Clustering
from after_ray.seeds import SeedTree

TOY = np.array(
    [(1, 0), (1, 0.1), (0.9, -0.1), (0, 1), (0.1, 1), (-0.1, 0.9), (-1, -1), (-1.1, -1), (-1, -1.2), (4, 4.2)]
)


def test_the_toy_from_end_to_end() -> None:
    chosen = Clustering(ClusteringSettings()).choose(8, TOY, 10, SeedTree(0))
    assert chosen.details["clusters"] == 4
    assert chosen.details["clusters_by"] == "kneedle"
    assert chosen.details["clusters_tried"] == [2, 3, 4, 5, 6, 7, 8]
    assert chosen.details["cluster_sizes"] == [3, 3, 3, 1]
    assert chosen.positions[:4].tolist() == [0, 3, 6, 9]
    json.dumps(chosen.details)  # goes into a record


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
