"""The nearest labelled neighbour of utterances, by summaries that are standardised over train."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from after_ray.store.stored_rows import StoredRows

Rows = NDArray[np.int64]
Points = NDArray[np.float64]
POINTS_AT_ONCE = 256
ROUNDING = 1e-10  # of a squared distance, relative to the squared lengths; a product is off by some 1e-13


@dataclass(frozen=True)
class Neighbours:
    """Of each of k utterances the nearest labelled one: manifest rows and distances, both of shape (k,)."""

    rows: Rows
    distances: NDArray[np.float64]


def nearest(summaries: StoredRows, train: Rows, labelled: Rows, asked: Rows) -> Neighbours:
    """Nearest of the `labelled` to each of the `asked`, ties to the lower row.

    The file is read four times in blocks, so that memory is that of a block and of the asked.

    Args:
        summaries: one vector per manifest row, shape (utterances, d).
        train: rows over which columns get mean 0 and deviation 1; a constant column says nothing.
        labelled: rows to choose from, at least one.
        asked: rows whose neighbours are wanted.
    """
    scale = _Scale.over(summaries, train)
    points = _taken(summaries, asked, scale)
    found = np.full(len(asked), -1, dtype=np.int64)
    closest = np.full(len(asked), np.inf)
    for first, block in summaries.blocks():
        rows = _within(labelled, first, len(block))
        candidates = scale.of(block[rows - first])
        for place, near in _in_question(candidates, points, closest):
            # Row by row, and not by a product of matrices: equal points are at distance 0.
            distances = np.linalg.norm(candidates[near] - points[place], axis=1)
            best = int(np.argmin(distances))
            if distances[best] < closest[place]:
                closest[place], found[place] = distances[best], rows[near[best]]
    return Neighbours(found, closest)


def _in_question(candidates: Points, points: Points, closest: Points) -> Iterator[tuple[int, Rows]]:
    """Of each point the candidates that rounding leaves as its nearest, where they are nearer than `closest`.

    A product of matrices finds them, in blocks.
    """
    if not len(candidates):
        return
    lengths = np.square(candidates).sum(axis=1)
    for first in range(0, len(points), POINTS_AT_ONCE):
        some = points[first : first + POINTS_AT_ONCE]
        own = np.square(some).sum(axis=1)
        squares = lengths - 2 * some @ candidates.T + own[:, None]  # shape (points, candidates)
        slack = ROUNDING * (lengths.max() + own)
        limit = np.minimum(squares.min(axis=1), closest[first : first + len(some)] ** 2) + slack
        for place in np.flatnonzero((squares <= limit[:, None]).any(axis=1)).tolist():
            yield first + place, np.flatnonzero(squares[place] <= limit[place])


@dataclass(frozen=True)
class _Scale:
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]  # inf where a column is constant

    @classmethod
    def over(cls, summaries: StoredRows, train: Rows) -> _Scale:
        width = summaries.shape[1]
        total, largest = np.zeros(width), np.zeros(width)
        for first, block in summaries.blocks():
            values = block[_within(train, first, len(block)) - first].astype(np.float64, copy=False)
            total += values.sum(axis=0)
            largest = np.maximum(largest, np.abs(values).max(axis=0, initial=0.0))
        mean, squares = total / len(train), np.zeros(width)
        for first, block in summaries.blocks():
            values = block[_within(train, first, len(block)) - first] - mean
            squares += (values**2).sum(axis=0)
        deviation = np.sqrt(squares / len(train))
        # The deviation of a constant column is not always exactly 0: its mean is rounded.
        return cls(mean, np.where(deviation <= 1e-12 * largest, np.inf, deviation))

    def of(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        return (values - self.mean) / self.deviation


def _within(rows: Rows, first: int, count: int) -> Rows:
    """Those of the rows that a block has, ascending."""
    return np.sort(rows[(rows >= first) & (rows < first + count)])


def _taken(summaries: StoredRows, rows: Rows, scale: _Scale) -> NDArray[np.float64]:
    points = np.empty((len(rows), summaries.shape[1]))
    for first, block in summaries.blocks():
        here = np.flatnonzero((rows >= first) & (rows < first + len(block)))
        points[here] = scale.of(block[rows[here] - first])
    return points
