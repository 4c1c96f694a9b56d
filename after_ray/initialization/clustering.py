"""Clustering initialization: round 0 spread over the clusters of the pool (AFTER, Algorithm 1, line 2).

The paper says "clusters by the elbow, utterances nearest to the centroids"; what it leaves open is decided by
protocol ruling 4 and decisions D8 and D9, and written at the function that does it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from kneed import KneeLocator
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from after_ray.initialization._base import Chosen, Initialization, initializations
from after_ray.initialization._settings import ClusteringSettings, Distance
from after_ray.seeds import SeedTree


@dataclass(frozen=True)
class Clusters:
    """A k-means solution: centroids of shape (k, d), sizes of shape (k,), sum of squared distances."""

    centroids: NDArray[np.float64]
    sizes: NDArray[np.int64]
    inertia: float


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
        solutions = self._solve(points, size, seeds)
        inertias = [solution.inertia for solution in solutions.values()]
        k, rule = self._number_of_clusters(list(solutions), inertias)
        distances = distances_to(points, solutions[k].centroids, self.settings.distance)
        order = visiting_order(distances, solutions[k].sizes)
        details = {
            "clusters": k,
            "clusters_by": rule,
            "clusters_tried": list(solutions),
            "inertias": inertias,
            "cluster_sizes": solutions[k].sizes[order].tolist(),
        }
        return Chosen(round_robin(distances[:, order], size), details)

    def _number_of_clusters(self, ks: list[int], inertias: list[float]) -> tuple[int, str]:
        """The number of clusters and what chose it: the settings (`given`) or a rule of `elbow`."""
        return (
            (ks[0], "given") if ks == [self.settings.k_min] == [self.settings.k_max] else elbow(ks, inertias)
        )

    def _solve(self, points: NDArray[np.float64], size: int, seeds: SeedTree) -> dict[int, Clusters]:
        """One solution per k; every k has a seed of its own, so that the range of k shifts no draw."""
        most = min(self.settings.k_max, size, distinct(points, self.settings.k_max))
        # k-means gives other bits with other numbers of threads (see docs/architecture.md).
        with threadpool_limits(1):
            return {
                k: k_means(points, k, self.settings.n_init, seeds.child("k_means", k).small_integer())
                for k in range(min(self.settings.k_min, most), most + 1)
            }


def standardise(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every column of (n, d) to mean 0 and deviation 1 over the pool given; constant columns become 0."""
    values = features.astype(np.float64)  # the one copy: of a large pool it is 100 MB
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    # The deviation of a constant column is not always exactly 0: its mean is rounded.
    largest = np.maximum(values.max(axis=0, initial=0.0), -values.min(axis=0, initial=0.0))
    constant = deviation <= 1e-12 * largest
    values -= mean
    values /= np.where(constant, 1.0, deviation)
    values[:, constant] = 0.0
    return values


def distinct(points: NDArray[np.float64], most: int) -> int:
    """How many different rows there are, counted up to `most`."""
    seen: set[bytes] = set()
    for point in points:
        seen.add((point + 0.0).tobytes())  # -0.0 is 0.0
        if len(seen) >= most:
            break
    return len(seen)


def k_means(points: NDArray[np.float64], k: int, n_init: int, seed: int) -> Clusters:
    """Lloyd's algorithm from `n_init` k-means++ starts, the best kept; `k` is at most the distinct points."""
    model = KMeans(n_clusters=k, n_init=n_init, random_state=seed).fit(points)
    sizes = np.bincount(model.labels_, minlength=k).astype(np.int64)
    return Clusters(model.cluster_centers_, sizes, float(model.inertia_))


def elbow(ks: list[int], inertias: list[float]) -> tuple[int, str]:
    """The number of clusters and the rule that found it, from inertias that fall with k.

    `kneedle`: the elbow of Satopaa et al. 2011, sensitivity 1. `chord`: where Kneedle sees none, the point
    furthest below the straight line between the ends of the curve, the smallest k of several. `smallest`:
    fewer than three points or a flat curve, which have no bend: the smallest k.
    """
    if len(ks) < 3 or inertias[0] <= inertias[-1]:
        return ks[0], "smallest"
    knee = KneeLocator(ks, inertias, S=1.0, curve="convex", direction="decreasing").knee
    if knee is not None:
        return int(knee), "kneedle"
    chord = np.interp(ks, [ks[0], ks[-1]], [inertias[0], inertias[-1]])
    return ks[int(np.argmax(chord - np.array(inertias)))], "chord"


def distances_to(
    points: NDArray[np.float64], centroids: NDArray[np.float64], distance: Distance = "euclidean"
) -> NDArray[np.float64]:
    """Distances of shape (n, k) from points (n, d) to centroids (k, d).

    `cosine`: one minus the cosine of the angle; of a vector of zeros, which has no angle, it is 1.
    """
    measure = _euclidean if distance == "euclidean" else _cosine
    return np.stack([measure(points, centroid) for centroid in centroids], axis=1)


# Row by row, and not by a product of matrices: equal points must be at equal distances, to the last bit.
def _euclidean(points: NDArray[np.float64], centroid: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.norm(points - centroid, axis=1)


def _cosine(points: NDArray[np.float64], centroid: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(points, axis=1) * np.linalg.norm(centroid)
    inner = (points * centroid).sum(axis=1)
    return 1 - np.divide(inner, lengths, out=np.zeros_like(inner), where=lengths > 0)


def visiting_order(distances: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Clusters by falling size, ties by the position of the item nearest to the centroid."""
    return np.lexsort((distances.argmin(axis=0), -sizes)).astype(np.int64)


def round_robin(distances: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Positions of `size` of n items: the k columns in turn, each time the nearest item not yet chosen.

    Ties go to the lower position. O(k n log n) whatever the size.
    """
    count, clusters = distances.shape
    queues = [iter(column) for column in np.argsort(distances, axis=0, kind="stable").T.tolist()]
    chosen = np.zeros(count, dtype=bool)
    picks = np.empty(size, dtype=np.int64)
    for turn in range(size):
        picks[turn] = next(item for item in queues[turn % clusters] if not chosen[item])
        chosen[picks[turn]] = True
    return picks
