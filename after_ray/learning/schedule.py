"""From a schedule in percent of train to the labelled sizes of the rounds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from typing import NamedTuple

from after_ray.errors import BadSchedule, BadValue, TooFewUtterances
from after_ray.learning.settings import BudgetUnit, FirstRoundSettings


def target_sizes(
    schedule: Sequence[float], train: int, classes: int, settings: FirstRoundSettings
) -> tuple[int, ...]:
    """Cumulative labelled sizes, one per point of the schedule, strictly increasing, at most `train`.

    Round 0 has max(ceil(percent of train), per_class x classes) utterances (D6 of docs/differences.md), or
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


class Target(NamedTuple):
    """What is labelled at the end of a round: `size` utterances, or `seconds` of audio, about so many."""

    size: int
    seconds: float | None = None


def targets_of(
    schedule: Sequence[float],
    durations: Sequence[float],
    classes: int,
    settings: FirstRoundSettings,
    budget: BudgetUnit,
) -> tuple[Target, ...]:
    """The target of every round, in the unit of the budget.

    Args and errors are those of `target_sizes` and `target_seconds`.
    """
    sizes = target_sizes(schedule, len(durations), classes, settings)
    if budget == "utterances":
        return tuple(map(Target, sizes))
    return tuple(map(Target, sizes, target_seconds(schedule, durations, sizes)))


def target_seconds(
    schedule: Sequence[float], durations: Sequence[float], sizes: Sequence[int]
) -> tuple[float, ...]:
    """Cumulative labelled seconds of audio, one per point of the schedule, strictly increasing.

    Every point has its percentage of the seconds of train, round 0 at least the seconds of its size in
    utterances of mean length; 100 is all of train.

    Args:
        schedule: ascending percentages in (0, 100].
        durations: seconds of every training utterance.
        sizes: what `target_sizes` says for the same schedule.

    Raises:
        BadSchedule: when a point holds no utterance of mean length beyond the point before.

    Example:
        >>> target_seconds([1, 50, 100], [2.0] * 100, (8, 50, 100))
        (16.0, 100.0, 200.0)
    """
    total, count = math.fsum(durations), len(durations)
    mean = total / count
    seconds = [max(total * schedule[0] / 100, sizes[0] * mean)]
    for percent, size in zip(schedule[1:], sizes[1:], strict=True):
        wanted = total if percent == 100 else total * percent / 100
        if wanted < seconds[-1] + mean:
            raise BadSchedule(percent, size, round(seconds[-1] / mean), count, None)
        seconds.append(wanted)
    return tuple(seconds)


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
