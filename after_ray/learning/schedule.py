"""From a schedule in percent of train to the labelled sizes of the rounds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

from after_ray.errors import BadSchedule, BadValue, TooFewUtterances
from after_ray.learning.settings import FirstRoundSettings


def target_sizes(
    schedule: Sequence[float], train: int, classes: int, settings: FirstRoundSettings
) -> tuple[int, ...]:
    """Cumulative labelled sizes, one per point of the schedule, strictly increasing, at most `train`.

    Round 0 has max(ceil(percent of train), per_class x classes) utterances (protocol ruling 2, D6), or
    `settings.size` where later rounds follow. Every later round has its percentage of train rounded half up
    (decision D10); 100 is exactly `train`.
    Percentages are read as the decimals they are written as: 0.7 % of 1000 is 7, never 7.000000000000001.

    Args:
        schedule: ascending percentages in (0, 100].
        train: number of training utterances, validation taken out.
        classes: number of classes of the corpus.
        settings: how large round 0 is.

    Raises:
        BadValue: when the schedule is empty, not ascending, or outside (0, 100], or when `settings.size` is
            less than the first percentage or more than train.
        TooFewUtterances: when round 0 is larger than train.
        BadSchedule: when a point labels nothing beyond the point before.

    Example:
        >>> target_sizes([1, 5, 10, 100], train=300, classes=4, settings=FirstRoundSettings())
        (8, 15, 30, 300)
        >>> target_sizes([1, 5, 10], train=4508, classes=4, settings=FirstRoundSettings(size=200))
        (200, 225, 451)
    """
    _check_percents(schedule)
    sizes = [_first_size(schedule, train, classes, settings)]
    for percent in schedule[1:]:
        size = math.floor(_exact(percent, train) + Fraction(1, 2))
        if size <= sizes[-1]:
            raise BadSchedule(percent, size, sizes[-1], train, _smallest_percent(sizes[-1] + 1, train))
        sizes.append(size)
    return tuple(sizes)


def _first_size(schedule: Sequence[float], train: int, classes: int, settings: FirstRoundSettings) -> int:
    by_percent = math.ceil(_exact(schedule[0], train))
    if settings.size is not None and len(schedule) > 1:
        if not by_percent <= settings.size <= train:
            span = f"{by_percent} (where the schedule starts) to {train} (all of train)"
            allowed = f"{span}, or null, which goes by the schedule ('protocol: official_code' says 200)"
            raise BadValue("protocol.first_round.size", settings.size, allowed)
        return settings.size
    first = max(by_percent, settings.per_class * classes)
    if first > train:
        raise TooFewUtterances("The train part is smaller than round 0", train, first)
    return first


def _exact(percent: float, train: int) -> Fraction:
    """Percent of train without the rounding of binary floats."""
    return Fraction(str(percent)) * train / 100


def _check_percents(schedule: Sequence[float]) -> None:
    if not schedule:
        raise BadValue("schedule", list(schedule), "at least one percentage of train")
    for percent in schedule:
        if not 0 < percent <= 100:
            raise BadValue("percentage in the schedule", percent, "above 0 and at most 100")
    for before, percent in itertools.pairwise(schedule):
        if percent <= before:
            raise BadValue(
                "schedule", list(schedule), f"ascending percentages; {percent:g} follows {before:g}"
            )


def _smallest_percent(size: int, train: int) -> str | None:
    """The smallest percentage that rounds to `size`, in as few decimals as do; None if there is none."""
    if size > train:
        return None
    exact = (Decimal(size) - Decimal("0.5")) * 100 / train
    for places in ("0.01", "0.0001", "0.000001"):
        shown = exact.quantize(Decimal(places), rounding=ROUND_CEILING)
        if math.floor(_exact(float(shown), train) + Fraction(1, 2)) == size:
            return f"{shown.normalize():f} %"
    return f"{exact:f} %"
