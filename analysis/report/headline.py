"""The one ratio that a page speaks of first."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.contrasts import Contrasts
from analysis.ratios import few_labels


def headline(percents: Sequence[float], declared: Sequence[Contrasts] = ()) -> float:
    """The ratio of the first declared family that has a single one, else the largest up to 20 percent.

    >>> headline([1, 5, 20, 60, 100])
    20.0
    >>> headline([40, 100])
    40.0
    """
    for family in declared:
        if len(family.percents) == 1:
            return family.percents[0]
    return few_labels(percents)
