"""Points in clusters: k-means, how many clusters there are, and a visit to all of them in turn.

What the initialization and the strategies that group utterances share. scikit-learn and kneed are imported
where they are used: whoever reads a study imports this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic_core import PydanticCustomError

from after_ray.seeds import SeedTree

Distance = Literal["euclidean", "cosine"]


@dataclass(frozen=True)
class Clusters:
    """A k-means solution: centroids of shape (k, d), sizes of shape (k,), sum of squared distances, and the
    cluster of each point, shape (n,)."""

    centroids: NDArray[np.float64]
    sizes: NDArray[np.int64]
    inertia: float
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class ClusterSearch:
    """How clusters are looked for: k from `k_min` to `k_max`, `n_init` starts each; the rule is `elbow`."""

    k_min: int
    k_max: int
    n_init: int

    def solve(self, points: NDArray[np.float64], size: int, seeds: SeedTree) -> Found:
        """Clusters of (n, d) points of which `size` will be picked.

        k goes up to min(`k_max`, `size`, number of distinct points). Every k has a seed of its own, so that
        the range of k shifts no draw.
        """
        most = min(self.k_max, size, distinct(points, self.k_max))
        ks = range(min(self.k_min, most), most + 1)
        solutions = solve(points, ks, self.n_init, seeds)
        inertias = [solution.inertia for solution in solutions.values()]
        fixed = list(ks) == [self.k_min] == [self.k_max]
        k, rule = (self.k_min, "given") if fixed else elbow(list(ks), inertias)
        return Found(solutions[k], rule, list(ks), inertias)


def check_range(k_min: int, k_max: int) -> None:
    """Refuse a range of numbers of clusters that runs backwards, in the words of a study's mistakes.

    Raises:
        PydanticCustomError: with both numbers.
    """
    if k_min > k_max:
        raise PydanticCustomError(
            "clusters",
            "k_min {k_min} is above k_max {k_max}; give both one value to fix the number of clusters",
            {"k_min": k_min, "k_max": k_max},
        )


@dataclass(frozen=True)
class Found:
    """The clusters taken, the rule that chose their number, and the inertias of all numbers tried."""

    clusters: Clusters
    rule: str
    tried: list[int]
    inertias: list[float]

    def details(self, order: NDArray[np.int64]) -> dict[str, object]:
        """What is recorded of them, as JSON values; `order`: in which clusters are visited."""
        return {
            "clusters": len(self.clusters.sizes),
            "clusters_by": self.rule,
            "clusters_tried": self.tried,
            "inertias": self.inertias,
            "cluster_sizes": self.clusters.sizes[order].tolist(),
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


def solve(
    points: NDArray[np.float64], ks: Iterable[int], n_init: int, seeds: SeedTree
) -> dict[int, Clusters]:
    """One solution for every number of clusters; several at a time where the process may use more threads.

    Each fit has one thread whatever there are, so that their number changes no bit.
    """
    from threadpoolctl import threadpool_info, threadpool_limits

    threads = max((pool["num_threads"] for pool in threadpool_info()), default=1)
    longest_first = sorted(ks, reverse=True)
    given = [(points, k, n_init, seeds.child("k_means", k).small_integer()) for k in longest_first]
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        solutions = pool.map(lambda each: k_means(*each), given)
        return dict(sorted(zip(longest_first, solutions, strict=True)))


def k_means(points: NDArray[np.float64], k: int, n_init: int, seed: int) -> Clusters:
    """Lloyd's algorithm from `n_init` k-means++ starts, the best kept; `k` is at most the distinct points.

    By Elkan's bounds (2003), which spare most of the distances and give the bits of the plain algorithm,
    unless a point is exactly as far from two centroids.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    # Other bits with other numbers of threads (see docs/architecture.md). Of OpenMP the limit is the calling
    # thread's; BLAS has one for the process, and fits side by side would lift each other's.
    algorithm = "elkan" if k > 1 else "lloyd"  # of one cluster there are no bounds
    with threadpool_limits(1, user_api="openmp"):
        model = KMeans(n_clusters=k, n_init=n_init, random_state=seed, algorithm=algorithm).fit(points)
    labels = model.labels_.astype(np.int64)
    sizes = np.bincount(labels, minlength=k).astype(np.int64)
    return Clusters(model.cluster_centers_, sizes, float(model.inertia_), labels)


MANY = 50  # clusters above which k-means goes by batches
SEEN = 5  # points per cluster that its centroids are first looked for among


def labels_of(points: NDArray[Any], k: int, seed: int) -> NDArray[np.int64]:
    """Clusters of n points for strategies that look at the grouping alone, shape (n,).

    Lloyd's algorithm from 10 starts; above 50 clusters mini-batch k-means, as in the published code of
    TypiClust (Hacohen et al. 2022), here with smaller batches, from one start whose centroids are points of a
    sample, and in float32.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        if k > MANY:
            batches = MiniBatchKMeans(
                k, batch_size=1024, n_init=1, init_size=min(len(points), SEEN * k), random_state=seed
            )
            labels = batches.fit(points.astype(np.float32)).labels_
        else:
            labels = KMeans(n_clusters=k, n_init=10, random_state=seed).fit(points).labels_
    found: NDArray[np.int64] = labels.astype(np.int64)
    return found


def elbow(ks: list[int], inertias: list[float]) -> tuple[int, str]:
    """The number of clusters and the rule that found it, from inertias that fall with k.

    `kneedle`: the elbow of Satopaa et al. 2011, sensitivity 1. `chord`: where Kneedle sees none, the point
    furthest below the straight line between the ends of the curve, the smallest k of several. `smallest`:
    fewer than three points or a flat curve, which have no bend: the smallest k.
    """
    if len(ks) < 3 or inertias[0] <= inertias[-1]:
        return ks[0], "smallest"
    from kneed import KneeLocator

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


def distances_within(points: NDArray[np.float64], clusters: Clusters) -> NDArray[np.float64]:
    """Euclidean distance of each of n points to the centroid of its own cluster, shape (n,)."""
    return np.linalg.norm(points - clusters.centroids[clusters.labels], axis=1)


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
