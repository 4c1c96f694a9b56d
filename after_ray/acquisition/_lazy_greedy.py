"""The batch of highest joint information, one pick at a time, looking at few of the candidates again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition._joint_entropy import Floats, Strings, information, strings_of

SATURATED = 1e-3  # nats; a smaller gain says nothing about which utterance is better
_MARGIN = 3.0  # standard errors by which a drawn gain may be too low
_DECIMALS = 12  # of a gain: equal utterances tie, wherever they stand in a product of matrices
_CELLS_AT_ONCE = 2_000_000  # strings x classes x candidates that are looked at before the best is compared
_LEAST_AT_ONCE = 16


@dataclass(frozen=True)
class Batch:
    """What was picked of n candidates.

    Attributes:
        positions: in the order of picking.
        gains: nats that each adds to the information of those before it.
        evaluations: how often a candidate was looked at.
    """

    positions: NDArray[np.int64]
    gains: Floats
    evaluations: int


def lazy_greedy(
    log_probabilities: Floats,
    budget: int,
    samples: int,
    generator: np.random.Generator,
    least: float = SATURATED,
    lazy: bool = True,
) -> Batch:
    """Pick up to `budget` utterances, each adding most to the joint information of label and draw.

    Information is submodular: what an utterance adds only falls while the batch grows. So a gain found for a
    smaller batch bounds today's, and a candidate whose bound is below the best gain found today is not looked
    at (Minoux 1978). Gains of drawn strings are off by chance; their bound is three standard errors higher,
    and strings grow by a label from pick to pick instead of being drawn anew, so that most of the error is
    common to all that are compared. Ties go to the lower position.

    Args:
        log_probabilities: natural, of the candidates, shape (n, draws, classes).
        budget: picks wanted, at most n.
        samples: strings of labels at most; information is exact while there are no more.
        generator: draws the strings beyond that.
        least: where no utterance adds this much, nothing more is picked.
        lazy: whether bounds are used; else every candidate is looked at before every pick.
    """
    n, draws, _ = log_probabilities.shape
    strings = Strings.empty(draws)
    today = information(log_probabilities).round(_DECIMALS)
    bounds = today + 0.1**_DECIMALS
    picked: list[int] = []
    gains: list[float] = []
    evaluations = 0
    for _ in range(budget):
        if picked:
            bounds[picked] = -np.inf
            today = np.full(n, -np.inf)
            evaluations += _look(log_probabilities, strings, bounds, today, lazy)
        best = int(np.argmax(today))
        if today[best] < least:
            break
        picked.append(best)
        gains.append(float(today[best]))
        strings = _longer(strings, log_probabilities, picked, samples, generator)
    return Batch(np.array(picked, dtype=np.int64), np.array(gains), evaluations)


def _look(log_probabilities: Floats, strings: Strings, bounds: Floats, today: Floats, lazy: bool) -> int:
    """Find gains, highest bounds first, until no bound reaches the best; write them and the new bounds."""
    _, _, classes = log_probabilities.shape
    at_once = max(_LEAST_AT_ONCE, _CELLS_AT_ONCE // (len(strings.log_share) * classes))
    order = np.argsort(-bounds, kind="stable")
    order = order[: np.count_nonzero(bounds > -np.inf)]
    ranked = bounds[order]
    best, start = -np.inf, 0
    while start < len(order) and (not lazy or ranked[start] >= best):
        rows = order[start : start + at_once]
        gains, errors = strings.gains(log_probabilities[rows])
        today[rows] = gains.round(_DECIMALS)
        bounds[rows] = gains + _MARGIN * errors + 0.1**_DECIMALS
        best = max(best, float(today[rows].max()))
        start += len(rows)
    return start


def _longer(
    strings: Strings,
    log_probabilities: Floats,
    picked: list[int],
    samples: int,
    generator: np.random.Generator,
) -> Strings:
    """The strings with the last of `picked`; drawn from here on where all of them would be too many."""
    classes = log_probabilities.shape[2]
    if strings.drawn_by is None and classes ** len(picked) > samples:
        return strings_of(log_probabilities[picked], samples, generator)
    return strings.longer(log_probabilities[picked[-1]], generator)
