"""Deficiency: how much of what is missing to the final score one curve misses less than another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np


def deficiency(
    scores: Sequence[float],
    reference: Sequence[float],
    percents: Sequence[float] | None = None,
    kind: Literal["sum", "area"] = "sum",
) -> float:
    """Gap of a curve to the reference's final score, over the reference's own gap (Baram et al. 2004).

    Below 1 the curve is better than its reference, above 1 worse; NaN where the reference has no gap.

    Args:
        scores, reference: of the same ratios.
        percents: the ratios; needed by `area`, which weighs a gap with the stretch it lasts for.
        kind: `sum` over the ratios as published, or `area` by trapezoids on the linear axis; the two are
            different numbers.

    Raises:
        ValueError: when the curves have unlike lengths, or `area` is asked for without ratios.
    """
    if len(scores) != len(reference):
        raise ValueError(f"curves of {len(scores)} and {len(reference)} ratios cannot be compared")
    final = reference[-1]
    gap, other = final - np.asarray(scores, dtype=float), final - np.asarray(reference, dtype=float)
    if kind == "sum":
        missed, expected = gap.sum(), other.sum()
    elif percents is None:
        raise ValueError("deficiency by area needs the ratios")
    else:
        missed, expected = np.trapezoid(gap, percents), np.trapezoid(other, percents)
    return float(missed / expected) if expected else float("nan")
