"""How many labels, or how much time, a method needs to reach a target score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
_NOTHING = 1e-12  # a mean that misses its target by less has rounded


@dataclass(frozen=True)
class FoldCurve:
    """The curve of one fold.

    Attributes:
        cost: what is spent at each ratio (labels, seconds), rising, shape (ratios,).
        scores: shape (seeds, ratios).
        target: the score to be reached on this fold.
    """

    cost: NDArray[np.float64]
    scores: NDArray[np.float64]
    target: float


@dataclass(frozen=True)
class Reached:
    """The cost at which a target is reached: median over folds, infinite where it is not within the curve.

    `low` and `high` are a bootstrap interval of seeds within folds, infinite alike (a censored value is
    later than the last ratio, nobody knows how much later); NaN where every fold has a single seed.
    """

    cost: float
    low: float
    high: float
    folds_reached: int
    folds: int


def reach(cost: Sequence[float] | NDArray[np.float64], scores: NDArray[np.float64], target: float) -> float:
    """Where the running maximum of a curve first meets `target`, linear between ratios; infinite if never.

    A curve that begins above the target reaches it at its first ratio: what came before is not known.
    """
    best = np.maximum.accumulate(np.asarray(scores, dtype=np.float64))
    place = int(np.searchsorted(best, target - _NOTHING))
    if place == len(best):
        return float("inf")
    if place == 0:
        return float(cost[0])
    share = (target - best[place - 1]) / (best[place] - best[place - 1])
    return float(cost[place - 1] + share * (cost[place] - cost[place - 1]))


def to_target(
    folds: Sequence[FoldCurve],
    generator: np.random.Generator,
    confidence: float = 0.95,
    draws: int = DRAWS,
) -> Reached:
    """The cost to the target on the seed-mean curve of every fold (protocol ruling 17).

    Folds are kept in every draw of the bootstrap: the interval says how sure the cost is on these speakers.
    """
    costs = np.array([reach(fold.cost, fold.scores.mean(axis=0), fold.target) for fold in folds])
    low = high = float("nan")
    if max(len(fold.scores) for fold in folds) > 1:
        drawn = np.median([_drawn(fold, generator, draws) for fold in folds], axis=0)
        tail = (1 - confidence) / 2
        # Nearest draws, not a mixture of two: one that is never reached has no middle with another.
        low, high = np.quantile(drawn, [tail, 1 - tail], method="closest_observation")
    return Reached(_median(costs), float(low), float(high), int(np.isfinite(costs).sum()), len(folds))


def _drawn(fold: FoldCurve, generator: np.random.Generator, draws: int) -> NDArray[np.float64]:
    """Costs to the target of seed-mean curves whose seeds are drawn with replacement."""
    picked = generator.integers(0, len(fold.scores), size=(draws, len(fold.scores)))
    means = fold.scores[picked].mean(axis=1)
    return np.array([reach(fold.cost, scores, fold.target) for scores in means])


def _median(costs: NDArray[np.float64]) -> float:
    """Infinite where one of the middle two is: the mean of a number and of never is never."""
    with np.errstate(invalid="ignore"):
        return float(np.median(costs))
