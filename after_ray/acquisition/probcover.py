"""ProbCover: pick the balls that cover the most of what is not covered yet."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from after_ray.acquisition._base import OPTIONS, Picked, Strategy, strategies
from after_ray.acquisition._evidence import EvidenceKind, PoolEvidence
from after_ray.acquisition._vectors import Features, unit_vectors
from after_ray.clusters import distinct, labels_of

ENTRIES = 32_000_000  # squared distances that are computed at once: 128 MB
ROUNDING = 2e-6  # of squared distances between unit vectors in float32


@strategies.register("probcover")
@dataclass(frozen=True, config=OPTIONS)
class ProbCover(Strategy):
    """Greedy maximum coverage by balls (Yehuda et al. 2022, Algorithm 1).

    A point covers all points within `delta` of it, Euclidean between unit vectors: from 0 to 2. What labelled
    utterances cover is taken out; each pick is the utterance whose ball holds the most that is left, and
    takes it out. When all is covered it begins again with what is not yet picked, none of it covered.

    Without `delta` it is the paper's: the largest radius at which a share of `purity` of the balls holds
    points of one pseudo-label only (section 3.3). Pseudo-labels are clusters by k-means: `classes` of them,
    by default as many as there are different labels, two at least. The share is that of `sample` balls drawn,
    each compared with all points.

    Scores are numbers of utterances newly covered. Pairs are looked at a block at a time and never kept.
    """

    features: Features = "summaries"
    delta: Annotated[float, Field(gt=0, le=2)] | None = None
    purity: Annotated[float, Field(gt=0, lt=1)] = 0.95
    classes: Annotated[int, Field(ge=2)] | None = None
    sample: Annotated[int, Field(ge=1)] = 1000

    @property
    def needs(self) -> Set[EvidenceKind]:
        """Summaries or embeddings, of pool and labelled."""
        return frozenset({EvidenceKind[self.features.upper()]})

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        if budget == 0:
            return Picked(np.empty(0, dtype=np.int64))
        exact = unit_vectors(evidence, self.features)
        points = exact.astype(np.float32)
        classes = self.classes or max(2, len(np.unique(evidence.labelled.labels)))
        delta = self.delta or self._pure(exact, points, classes, generator)
        graph = Neighbours(points[: evidence.size], delta)
        covered = graph.covered_by(points[evidence.size :])
        details: dict[str, object] = {"delta": delta, "covered_by_labelled": float(covered.mean())}
        if self.delta is None:
            details["pseudo_labels"] = classes
        positions, scores, share = cover(graph, covered, budget)
        return Picked(positions, scores, details={**details, "covered": share})

    def _pure(
        self,
        exact: NDArray[np.float64],
        points: NDArray[np.float32],
        classes: int,
        generator: np.random.Generator,
    ) -> float:
        """The largest radius at which the share of pure balls is `purity` or more."""
        labels = labels_of(exact, distinct(exact, classes), int(generator.integers(2**31)))
        centres = np.sort(generator.permutation(len(points))[: self.sample])
        others = np.sqrt(nearest_of_another(points, labels, centres))
        impure = int((1 - self.purity) * len(centres) + 1e-9)  # so many balls may be
        # Just below where the next one is impure; with one pseudo-label the largest distance there is.
        return float(np.minimum(np.nextafter(np.sort(others)[impure], np.float32(0)), 2.0))


def nearest_of_another(
    points: NDArray[np.float32], labels: NDArray[np.int64], centres: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Squared distance of each of m centres to the nearest point of another label, shape (m,)."""
    nearest = []
    for rows in _some(centres, len(points)):
        squares = _squares(points[rows], points)
        squares[labels[rows, None] == labels] = np.inf
        nearest.append(squares.min(axis=1))
    return np.concatenate(nearest).clip(min=0.0)


class Neighbours:
    """Which of n unit vectors, shape (n, d), are within `delta` of each other, themselves included.

    Nothing is kept but how many they are: who they are is found again when asked, a block of rows at a time.
    """

    def __init__(self, points: NDArray[np.float32], delta: float) -> None:
        self._points = points
        self._most = np.float32(delta**2 + ROUNDING)
        self.degrees = np.concatenate([near.sum(axis=1) for near in self._blocks(points)])

    def of(self, position: int) -> NDArray[np.int64]:
        """Positions of those within reach of one, ascending."""
        (near,) = self._blocks(self._points[position : position + 1])
        return np.flatnonzero(near[0])

    def of_all(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many of `positions` reach each of the n, shape (n,)."""
        counts = np.zeros(len(self._points), dtype=np.int64)
        for near in self._blocks(self._points[positions]):
            counts += near.sum(axis=0)
        return counts

    def covered_by(self, others: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether one of m other vectors is within reach, shape (n,)."""
        covered = np.zeros(len(self._points), dtype=bool)
        for near in self._blocks(others):
            covered |= near.any(axis=0)
        return covered

    def _blocks(self, rows: NDArray[np.float32]) -> Iterator[NDArray[np.bool_]]:
        """Which points each row reaches, some rows at a time, shape (rows, n)."""
        for some in _some(rows, len(self._points)):
            yield _squares(some, self._points) <= self._most


def _some(rows: NDArray[Any], columns: int) -> Iterator[NDArray[Any]]:
    """Rows a stretch at a time, so many that they have `ENTRIES` distances to that many columns."""
    step = max(1, ENTRIES // max(1, columns))
    return (rows[begin : begin + step] for begin in range(0, len(rows), step))


def _squares(rows: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.float32]:
    squares: NDArray[np.float32] = rows @ points.T
    squares *= -2.0
    squares += np.einsum("nd,nd->n", rows, rows)[:, None]
    squares += np.einsum("nd,nd->n", points, points)
    return squares


def cover(
    graph: Neighbours, covered: NDArray[np.bool_], budget: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """`budget` positions, the points that each newly covers, and the share covered by the first cover's end.

    Each point is taken out of the counts of its neighbours once: two comparisons of all with all, whatever
    the budget.
    """
    covered = covered.copy()
    picks, gains = np.empty(budget, dtype=np.int64), np.empty(budget)
    free = np.ones(len(covered), dtype=bool)
    gain = graph.degrees - graph.of_all(np.flatnonzero(covered))
    share = None
    for turn in range(budget):
        best = int(np.where(free, gain, -1).argmax())
        if gain[best] <= 0:  # all is covered: once more, with what is left
            share = 1.0
            covered = ~free
            gain = graph.degrees - graph.of_all(np.flatnonzero(covered))
            best = int(np.where(free, gain, -1).argmax())
        picks[turn], gains[turn] = best, gain[best]
        free[best] = False
        reached = graph.of(best)
        new = reached[~covered[reached]]
        covered[new] = True
        gain -= graph.of_all(new)
    return picks, gains, float(covered.mean()) if share is None else share
