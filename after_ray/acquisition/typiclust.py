"""TypiClust: pick the most typical utterance of every large cluster that has no label yet."""

from __future__ import annotations

from collections.abc import Set
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from after_ray.acquisition._base import OPTIONS, Picked, Strategy, strategies
from after_ray.acquisition._evidence import EvidenceKind, PoolEvidence
from after_ray.acquisition._vectors import Features, unit_vectors
from after_ray.clusters import distinct, labels_of

SMALL = 5  # members at which a cluster is too small to have anything typical
BLOCK = 2048  # members whose neighbours are sought at once


@strategies.register("typiclust")
@dataclass(frozen=True, config=OPTIONS)
class TypiClust(Strategy):
    """TPC_RP (Hacohen, Dekel & Weinshall 2022, section 3.2): clusters, and what is typical of them.

    Pool and labelled together are put into min(budget + labelled, `most_clusters`) clusters of unit vectors
    by k-means (mini-batch k-means above 50, as the authors do). Clusters are visited in turn: those with the
    fewest labelled members first, the larger first, those of at most 5 members after all others are used up.
    Each visit takes the most typical member not yet picked. Typicality is the inverse of the mean distance to
    the `neighbours` nearest members of the cluster without labels, to half of the cluster at most. Unlike in
    the authors' code it is computed once per cluster and not again for each visit.

    Scores are typicalities, 0 for a member alone in its cluster.
    """

    features: Features = "summaries"
    neighbours: Annotated[int, Field(ge=1)] = 20
    most_clusters: Annotated[int, Field(ge=1)] = 500

    @property
    def needs(self) -> Set[EvidenceKind]:
        """Summaries or embeddings, of pool and labelled."""
        return frozenset({EvidenceKind[self.features.upper()]})

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        from threadpoolctl import threadpool_limits

        if budget == 0:
            return Picked(np.empty(0, dtype=np.int64))
        points = unit_vectors(evidence, self.features)
        wanted = min(budget + len(points) - evidence.size, self.most_clusters)
        count = distinct(points, wanted)
        labels = labels_of(points, count, int(generator.integers(2**31)))
        pool, labelled = labels[: evidence.size], np.bincount(labels[evidence.size :], minlength=count)
        scores = np.zeros(evidence.size)
        rank = np.zeros(evidence.size, dtype=np.int64)  # within the cluster
        with threadpool_limits(1):  # products of a few rows are no work for two
            for cluster in np.unique(pool):
                members = np.flatnonzero(pool == cluster)
                scores[members] = typicality(points[members], self.neighbours)
                rank[members[np.argsort(-scores[members], kind="stable")]] = np.arange(len(members))
        sizes = np.bincount(pool, minlength=count)
        small = np.bincount(labels, minlength=count) <= SMALL
        # The last is the first to sort by; what ties in all of them stays in the order of positions.
        turns = np.lexsort((pool, -sizes[pool], labelled[pool], rank, small[pool]))
        positions = turns[:budget].astype(np.int64)
        details = {"clusters": count, "clusters_labelled": int((labelled > 0).sum())}
        return Picked(positions, scores[positions], details=details)


def typicality(points: NDArray[np.float64], neighbours: int) -> NDArray[np.float64]:
    """Inverse mean distance of each of n points to its nearest others, shape (n,); 0 for a point alone.

    `neighbours` are looked at, half of the points at most, one at least (the authors' code). O(n) memory.
    """
    near = min(neighbours, max(1, len(points) // 2))
    if len(points) < 2:
        return np.zeros(len(points))
    squared = np.einsum("nd,nd->n", points, points)
    mean = np.empty(len(points))
    for begin in range(0, len(points), BLOCK):
        block = slice(begin, begin + BLOCK)
        squares = squared[block, None] + squared - 2.0 * points[block] @ points.T
        rows = np.arange(len(squares))
        squares[rows, begin + rows] = np.inf
        nearest = np.partition(squares, near - 1, axis=1)[:, :near]
        nearest.sort(axis=1)
        # Products of matrices round equal points differently: what is left of it is cut off.
        mean[block] = np.sqrt(np.maximum(np.round(nearest, 12), 0.0)).mean(axis=1)
    inverse: NDArray[np.float64] = 1.0 / (mean + 1e-5)
    return inverse
