"""Farthest-first traversal of n points, exactly, in passes over all points that serve many picks each.

A point's distance to its nearest centre only falls as centres are added, so what it was bounds what it is.
The points with the highest bounds are followed pick by pick, exactly; the others wait until one of them could
be the farthest, and then are compared with all new centres in one matrix product. Memory: four numbers a
point, and blocks; never a matrix of all points by all picks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLLOWED = 256  # points that are followed pick by pick
BLOCK = 8192  # rows that are compared at once
COLUMNS = 256  # centres that are compared at once


class FarthestFirst:
    """Picks points one after another, each time the one furthest from all centres and picks.

    Args:
        points: shape (n, d), of any precision. They are compared in float32 about their mean, and what is
            picked in float64.
    """

    def __init__(self, points: NDArray[Any]) -> None:
        self._points = points
        size, self._width = points.shape
        # Rounded to float32, so that points of float32 lose nothing when it is taken from them.
        self._mean = points.mean(axis=0, dtype=np.float64).astype(np.float32)
        self._norms = np.empty(size)  # squared, about the mean
        for rows in blocks(size):
            self._norms[rows] = _squared(self._exact(rows), self._mean)
        self._bounds = np.full(size, np.inf)  # of squared distances to the nearest centre, from above
        self._nearest = np.zeros(size, dtype=np.int32)  # which centre that is
        self._free = np.ones(size, dtype=bool)

    def pick(self, centres: NDArray[Any], budget: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Positions of `budget` points and their distances at the time; ties go to the lower position.

        `centres`: shape (m, d); without any the first pick is the point nearest to the mean.
        """
        self._centres: list[NDArray[Any]] = list(centres)
        picks: list[int] = []
        squares: list[float] = []
        if budget and not len(centres):
            first = int(self._norms.argmin())
            picks.append(first)
            squares.append(float(self._norms[first]))
            self._take(first)
        compared = 0
        while len(picks) < budget:
            self._compare(compared)
            compared = len(self._centres)
            found = self._follow(budget - len(picks))
            if not found:  # all that is left is where a centre is
                rest = np.flatnonzero(self._free)[: budget - len(picks)]
                picks.extend(rest.tolist())
                squares.extend([0.0] * len(rest))
            for position, square in found:
                picks.append(position)
                squares.append(square)
        return np.array(picks, dtype=np.int64), np.sqrt(np.array(squares))

    def _take(self, position: int) -> None:
        self._free[position] = False
        self._centres.append(self._points[position])

    def _compare(self, since: int) -> None:
        """Lower every bound by the centres since number `since`."""
        for begin in range(since, len(self._centres), COLUMNS):
            centres = np.stack(self._centres[begin : begin + COLUMNS]).astype(np.float64)
            about = centres - self._mean
            lengths = np.einsum("md,md->m", about, about)
            doubled = (-2.0 * about.T).astype(np.float32)
            for rows in blocks(len(self._norms)):
                block = (self._points[rows] - self._mean).astype(np.float32, copy=False)
                squares = block @ doubled
                squares += lengths.astype(np.float32)
                which = squares.argmin(axis=1)
                norms = self._norms[rows]
                # Some times the error of a float32 product of this length: a bound is never too low.
                slack = 4e-7 * np.sqrt(self._width) * (norms + lengths[which])
                bounds = squares[np.arange(len(which)), which] + norms + slack
                equal = np.flatnonzero(bounds <= 2 * slack)  # or nearly so
                bounds[equal] = _squared(self._points[rows][equal].astype(np.float64), centres[which[equal]])
                lower = bounds < self._bounds[rows]
                self._bounds[rows][lower] = bounds[lower]
                self._nearest[rows][lower] = begin + which[lower]

    def _follow(self, most: int) -> list[tuple[int, float]]:
        """The next picks and their squared distances, as many as are sure; none where all left are at 0."""
        width, found = FOLLOWED, list[tuple[int, float]]()
        while not found:
            rows, others = self._highest(width)
            points = self._exact(rows)
            nearest = np.stack([self._centres[index] for index in self._nearest[rows]])
            squares = _squared(points, nearest.astype(np.float64))
            while len(found) < most:
                best = int(squares.argmax())
                if squares[best] == 0.0 and others <= 0.0:
                    return found
                if squares[best] <= others:
                    break
                found.append((int(rows[best]), float(squares[best])))
                self._take(found[-1][0])
                squares = np.minimum(squares, _squared(points, points[best]))
                squares[best] = -1.0
            width *= 8
        return found

    def _highest(self, width: int) -> tuple[NDArray[np.int64], float]:
        """The free points of the highest bounds, ascending, and the highest bound of all others."""
        free = np.flatnonzero(self._free)
        if len(free) <= width:
            return free, -1.0
        split = np.argpartition(self._bounds[free], len(free) - width - 1)
        others = self._bounds[free[split[len(free) - width - 1]]]
        return np.sort(free[split[len(free) - width :]]), float(others)

    def _exact(self, rows: Any) -> NDArray[np.float64]:
        return self._points[rows].astype(np.float64)


def blocks(size: int) -> Iterator[slice]:
    """Slices of `BLOCK` rows."""
    return (slice(begin, begin + BLOCK) for begin in range(0, size, BLOCK))


def _squared(points: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances, row by row: those of equal points are equal to the last bit."""
    difference = points - centre
    return np.einsum("nd,nd->n", difference, difference)
