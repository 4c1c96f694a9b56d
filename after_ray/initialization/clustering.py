"""Clustering initialization: round 0 spread over the clusters of the pool (AFTER, Algorithm 1, line 2).

The paper says "clusters by the elbow, utterances nearest to the centroids"; what it leaves open is decided by
decisions D8 and D9 of docs/differences.md, and written at the function that does it (`after_ray.clusters`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from after_ray.clusters import ClusterSearch, distances_to, round_robin, standardise, visiting_order
from after_ray.initialization._base import Chosen, Initialization, initializations
from after_ray.initialization._settings import ClusteringSettings
from after_ray.seeds import SeedTree


@initializations.register("clustering")
class Clustering(Initialization):
    """k-means on features of the pool, k by the elbow, then the items nearest to the centroids in turn.

    k goes from `k_min` to min(`k_max`, size of round 0, number of distinct feature vectors). Known limit: an
    outlier that is a cluster of its own is picked in the first turn of the clusters.
    """

    needs_features = True

    def __init__(self, settings: ClusteringSettings) -> None:
        self.settings = settings

    def _choose(self, size: int, features: NDArray[np.float64] | None, pool: int, seeds: SeedTree) -> Chosen:
        if features is None or len(features) != pool:
            found = "none" if features is None else f"{len(features)} rows"
            raise ValueError(
                f"clustering needs one feature vector per utterance of the pool of {pool}, got {found}"
            )
        if size == 0:
            return Chosen(np.empty(0, dtype=np.int64))
        points = standardise(features) if self.settings.standardised else features.astype(np.float64)
        search = ClusterSearch(self.settings.k_min, self.settings.k_max, self.settings.n_init)
        solution = search.solve(points, size, seeds)
        distances = distances_to(points, solution.clusters.centroids, self.settings.distance)
        order = visiting_order(distances, solution.clusters.sizes)
        return Chosen(round_robin(distances[:, order], size), solution.details(order))
