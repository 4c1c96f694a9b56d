"""The ratio that is spoken of first where there is no room for all."""

from __future__ import annotations

from collections.abc import Iterable

FEW_LABELS = 20.0  # percent of train; the paper's claims are about this ratio


def few_labels(percents: Iterable[float]) -> float:
    """The largest ratio up to 20 percent, else the smallest.

    >>> few_labels([1, 5, 20, 60, 100])
    20.0
    >>> few_labels([10, 25, 60])
    10.0
    >>> few_labels([40, 100])
    40.0
    """
    known = [float(percent) for percent in percents]
    return max((percent for percent in known if percent <= FEW_LABELS), default=min(known))
