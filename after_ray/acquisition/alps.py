"""ALPs: utterances that surprise the adapted backbone in different ways (Yuan, Lin and Boyd-Graber 2020)."""

from __future__ import annotations

import warnings
from collections.abc import Set

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition._base import Picked, Strategy, strategies
from after_ray.acquisition._evidence import EvidenceKind, PoolEvidence
from after_ray.acquisition._vectors import check_finite

EXACT = 20_000_000  # points x clusters up to which every step of k-means goes over all points: 5 s
BATCH = 4_096  # points of a step otherwise
ENTRIES = 4_000_000  # distances at a time: 32 MB
ALIKE = 1e-12  # squared distances that differ by rounding alone; vectors have length 1

Array = NDArray[np.float64]


@strategies.register("alps")
class Alps(Strategy):
    """k-means with a cluster for every pick on what surprises, and the utterance nearest to each centroid.

    ALPS (EMNLP 2020, Algorithm 1) with the frame losses of the adapted backbone as surprisal: no label and no
    classifier is asked, and earlier picks do not matter. Each utterance's losses have length 1; one that
    surprises nowhere stays at the origin. Larger clusters come first. Where two centroids share an
    utterance, or there are fewer different utterances than picks, the rest is drawn from the unpicked.
    """

    @property
    def needs(self) -> Set[EvidenceKind]:
        """Frame losses."""
        return frozenset({EvidenceKind.FRAME_LOSSES})

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        if budget == 0:
            return Picked(np.empty(0, dtype=np.int64), details={"clusters": 0, "drawn": 0})
        losses = evidence.given(EvidenceKind.FRAME_LOSSES)
        check_finite("frame losses", losses)
        points = normalised(losses)
        different = np.unique(points, axis=0)
        clusters = min(budget, len(different))
        if clusters == len(different):
            centroids = different
        else:
            centroids = _centroids(points, clusters, int(generator.integers(2**31)))
        nearest = representatives(points, centroids)
        rest = np.setdiff1d(np.arange(evidence.size), nearest, assume_unique=True)
        drawn = generator.choice(rest, size=budget - len(nearest), replace=False)
        details = {"clusters": clusters, "drawn": len(drawn)}
        return Picked(np.concatenate([nearest, drawn]).astype(np.int64), details=details)


def normalised(losses: NDArray[np.floating]) -> Array:
    """Rows of (n, stretches) divided by their length; a row of zeros stays one."""
    rows = losses.astype(np.float64)  # whose range holds the squares of any float32
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)


def representatives(points: Array, centroids: Array) -> NDArray[np.int64]:
    """The point nearest to each centroid, those of clusters with more points first, each point once.

    Of points at one distance the lower position is nearest; of clusters of one size that whose nearest point
    has the lower position comes first.
    """
    nearest = np.empty(len(centroids), dtype=np.int64)
    closest, owner = np.full(len(points), np.inf), np.zeros(len(points), dtype=np.int64)
    step = max(1, ENTRIES // len(points))
    for start in range(0, len(centroids), step):
        some = slice(start, start + step)
        squared = _squared_distances(points, centroids[some])
        nearest[some] = (squared <= squared.min(axis=0) + ALIKE).argmax(axis=0)
        own = squared.argmin(axis=1)
        distance = squared[np.arange(len(points)), own]
        closer = distance < closest
        closest[closer], owner[closer] = distance[closer], start + own[closer]
    sizes = np.bincount(owner, minlength=len(centroids))
    ranked = nearest[np.lexsort((nearest, -sizes))]
    return ranked[np.sort(np.unique(ranked, return_index=True)[1])]


def _squared_distances(points: Array, centroids: Array) -> Array:
    """Shape (n, k); those that are equal differ by less than `ALIKE`."""
    inner = points @ centroids.T
    return (points**2).sum(axis=1)[:, None] - 2 * inner + (centroids**2).sum(axis=1)


def _centroids(points: Array, clusters: int, seed: int) -> Array:
    """Centroids of k-means from one k-means++ start, shape (clusters, stretches)."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    model = KMeans(clusters, n_init=1, random_state=seed)
    if clusters * len(points) > EXACT:
        model = MiniBatchKMeans(
            clusters, n_init=1, batch_size=BATCH, init_size=max(BATCH, 3 * clusters), random_state=seed
        )
    # k-means gives other bits with other numbers of threads; fewer clusters than asked for are filled up.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(model.fit(points).cluster_centers_, dtype=np.float64)
