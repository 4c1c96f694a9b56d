"""wav2vec 2.0 & clustering: in every round the utterances nearest to the centroids of what is left."""

from __future__ import annotations

from collections.abc import Set
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from after_ray.acquisition._base import OPTIONS, Picked, Strategy, strategies
from after_ray.acquisition._evidence import EvidenceKind, PoolEvidence
from after_ray.acquisition._vectors import check_finite
from after_ray.clusters import (
    Clusters,
    ClusterSearch,
    Distance,
    Found,
    check_range,
    distances_to,
    distances_within,
    distinct,
    round_robin,
    solve,
    standardise,
    visiting_order,
)
from after_ray.seeds import SeedTree


@strategies.register("clustering")
@dataclass(frozen=True, config=OPTIONS)
class Clustering(Strategy):
    """k-means on summaries of the pool that is left, then the utterances nearest to the centroids in turn.

    The paper names this baseline and does not define it. Here it is the clustering initialization once more,
    round after round on the remaining pool: columns standardised, clusters visited by falling size, each time
    the nearest utterance not yet picked. No classifier is asked, so rounds differ by what is left alone.
    Known limit: an outlier that is a cluster of its own is picked in the first turn.

    Options:
        k: `elbow` chooses between `k_min` and `k_max`; `budget` makes as many clusters as there are picks and
            takes the member nearest to the centroid of each (Yuan et al. 2020, the baseline of ALPs).
        n_init: starts of k-means; None is 10 for the elbow and 1 for as many clusters as picks.
        distance: what nearest means to the elbow's centroids; clusters are always Euclidean.
        standardised: whether columns are; else summaries are taken as they are.

    Scores are distances to the centroid that an utterance was picked for.
    """

    k: Literal["elbow", "budget"] = "elbow"
    k_min: Annotated[int, Field(ge=1)] = 2
    k_max: Annotated[int, Field(ge=1)] = 10
    n_init: Annotated[int, Field(ge=1)] | None = None
    distance: Distance = "euclidean"
    standardised: bool = True

    @model_validator(mode="after")
    def _range_of_clusters(self) -> Clustering:
        check_range(self.k_min, self.k_max)
        return self

    @property
    def needs(self) -> Set[EvidenceKind]:
        """Summaries."""
        return frozenset({EvidenceKind.SUMMARIES})

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        summaries = evidence.given(EvidenceKind.SUMMARIES)
        if budget == 0:
            return Picked(np.empty(0, dtype=np.int64))
        check_finite("summaries", summaries)
        points = standardise(summaries) if self.standardised else summaries.astype(np.float64)
        seeds = SeedTree(int(generator.integers(2**63)))
        if self.k == "budget":
            return self._one_of_each(points, budget, seeds)
        found = ClusterSearch(self.k_min, self.k_max, self.n_init or 10).solve(points, budget, seeds)
        distances = distances_to(points, found.clusters.centroids, self.distance)
        order = visiting_order(distances, found.clusters.sizes)
        distances = distances[:, order]
        positions = round_robin(distances, budget)
        scores = distances[positions, np.arange(budget) % len(order)]
        return Picked(positions, scores, details=found.details(order))

    def _one_of_each(self, points: NDArray[np.float64], budget: int, seeds: SeedTree) -> Picked:
        """The nearest member of every cluster, then the second nearest of every one, until enough."""
        k = distinct(points, budget)
        clusters = solve(points, [k], self.n_init or 1, seeds)[k]
        distances = distances_within(points, clusters)
        positions, order = members_in_turn(clusters, distances, budget)
        found = Found(clusters, "budget", [k], [clusters.inertia])
        return Picked(positions, distances[positions], details=found.details(order))


def members_in_turn(
    clusters: Clusters, distances: NDArray[np.float64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of `size` points, one of each cluster in turn, nearest first; and how clusters are visited.

    `distances`: of every point to its own centroid, shape (n,). Clusters are visited by falling size, ties by
    the position of their nearest member; ties between members go to the lower position.
    """
    by_cluster = np.lexsort((distances, clusters.labels))  # stable: equal ones stay in order
    starts = np.cumsum(clusters.sizes) - clusters.sizes
    rank = np.arange(len(distances)) - np.repeat(starts, clusters.sizes)
    nearest = by_cluster[np.minimum(starts, len(distances) - 1)]
    order = np.lexsort((nearest, -clusters.sizes))
    visited = np.empty(len(order), dtype=np.int64)
    visited[order] = np.arange(len(order))
    turns = np.lexsort((visited[clusters.labels[by_cluster]], rank))
    return by_cluster[turns[:size]].astype(np.int64), order.astype(np.int64)
