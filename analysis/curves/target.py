"""How many labels, or how much time, a method needs to reach a target score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
_NOTHING = 1e-12  # a mean that misses its target by less has rounded
_Met = tuple[NDArray[np.int64], NDArray[np.float64]]  # place and share, as `_crossing` says


@dataclass(frozen=True)
class FoldCurve:
    """The curve of one fold.

    Attributes:
        cost: what is spent at each ratio (labels, seconds), rising, shape (ratios,); for `to_targets` one
            row for each kind of cost, shape (kinds, ratios).
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
    `at_least` and `high_at_least` are what is known of `cost` and `high` where they are infinite: a fold
    that never reaches the target counts with the cost of its last ratio, one that begins above it with
    nothing. `folds_at_once` are those that begin at or above the target: they may have reached it before.
    """

    cost: float
    low: float
    high: float
    at_least: float
    high_at_least: float
    folds_reached: int
    folds: int
    folds_at_once: int = 0


def reach(cost: Sequence[float] | NDArray[np.float64], scores: NDArray[np.float64], target: float) -> float:
    """Where the running maximum of a curve first meets `target`, linear between ratios; infinite if never.

    A curve that begins above the target reaches it at its first ratio: what came before is not known.
    """
    place, share = _crossing(np.asarray(scores, dtype=np.float64)[None], target)
    return float(_cost_at(np.asarray(cost, dtype=np.float64), place, share)[0])


def to_target(
    folds: Sequence[FoldCurve],
    generator: np.random.Generator,
    confidence: float = 0.95,
    draws: int = DRAWS,
) -> Reached:
    """The cost to the target on the seed-mean curve of every fold.

    Folds are kept in every draw of the bootstrap: the interval says how sure the cost is on these speakers.
    """
    rows = [FoldCurve(fold.cost[None], fold.scores, fold.target) for fold in folds]
    return to_targets(rows, generator, confidence, draws)[0]


def to_targets(
    folds: Sequence[FoldCurve],
    generator: np.random.Generator,
    confidence: float = 0.95,
    draws: int = DRAWS,
) -> tuple[Reached, ...]:
    """As `to_target` for each row of `cost`, all from the same draws."""
    met = [_crossing(fold.scores.mean(axis=0)[None], fold.target) for fold in folds]
    drawn = None
    if max(len(fold.scores) for fold in folds) > 1:
        drawn = [_crossing(_drawn_means(fold, generator, draws), fold.target) for fold in folds]
    at_once = sum(int(place[0] == 0) for place, _ in met)
    reached = sum(int(place[0] < len(fold.scores[0])) for fold, (place, _) in zip(folds, met, strict=True))
    found = []
    for kind in range(len(folds[0].cost)):
        paid = [fold.cost[kind] for fold in folds]
        (cost,), (at_least,) = _median_costs(paid, met)
        low = high = high_at_least = float("nan")
        if drawn is not None:
            costs, bounds = _median_costs(paid, drawn)
            low, high = _interval(costs, confidence)
            _, high_at_least = _interval(bounds, confidence)
        found.append(
            Reached(float(cost), low, high, float(at_least), high_at_least, reached, len(folds), at_once)
        )
    return tuple(found)


def _median_costs(
    paid: Sequence[NDArray[np.float64]], met: Sequence[_Met]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The median over folds of the cost where each meets its target, and what it is at least, shape (n,)."""
    each = list(zip(paid, met, strict=True))
    costs = np.array([_cost_at(cost, *where) for cost, where in each])
    bounds = np.array([_known_cost(cost, *where) for cost, where in each])
    return _medians(costs), _medians(bounds)


def _drawn_means(fold: FoldCurve, generator: np.random.Generator, draws: int) -> NDArray[np.float64]:
    """Seed-mean curves whose seeds are drawn with replacement, shape (draws, ratios)."""
    picked = generator.integers(0, len(fold.scores), size=(draws, len(fold.scores)))
    return fold.scores[picked].mean(axis=1)


def _crossing(scores: NDArray[np.float64], target: float) -> _Met:
    """Where curves of shape (n, ratios) meet the target.

    Returns:
        The place of the first ratio at which each has met it, one past the last where it never does, and
        the share of the way from the ratio before at which it does.
    """
    best = np.maximum.accumulate(scores, axis=1)
    met = best >= target - _NOTHING
    place = np.where(met[:, -1], met.argmax(axis=1), scores.shape[1])
    share = np.ones(len(scores))
    between = np.flatnonzero((place > 0) & (place < scores.shape[1]))
    after, before = best[between, place[between]], best[between, place[between] - 1]
    share[between] = (target - before) / (after - before)
    return place, share


def _cost_at(
    cost: NDArray[np.float64], place: NDArray[np.int64], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The cost where curves meet a target, infinite where they never do, shape (n,)."""
    known = np.append(cost, np.inf)
    after, before = known[place], known[np.maximum(place - 1, 0)]
    found = after.copy()
    between = (place > 0) & (place < len(cost))
    found[between] = before[between] + share[between] * (after[between] - before[between])
    return found


def _known_cost(
    cost: NDArray[np.float64], place: NDArray[np.int64], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What a curve has spent before it meets the target, as far as anybody knows, shape (n,)."""
    found = _cost_at(cost, place, share)
    found[place == len(cost)] = cost[-1]
    found[place == 0] = 0
    return found


def _medians(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over folds (rows); infinite where one of the middle two is: a number and never have no middle."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.median(costs, axis=0))


def _interval(drawn: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    # Nearest draws, not a mixture of two: one that is never reached has no middle with another.
    low, high = np.quantile(drawn, [tail, 1 - tail], method="closest_observation")
    return float(low), float(high)
