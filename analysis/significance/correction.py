"""Corrections over a family of tests that was declared before it was run."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjusted p-values in the given order, by statsmodels.

    A None (a test that was refused) stays None but counts: it takes the last place, which is the
    cautious choice for the others, whatever its p would have been.
    """
    from statsmodels.stats.multitest import multipletests  # most of a second to import

    if len(p_values) < 2:
        return list(p_values)  # nothing to correct for; statsmodels collects garbage in every call, 50 ms
    adjusted = multipletests([1.0 if p is None else p for p in p_values], method="holm")[1]
    return [None if p is None else float(value) for p, value in zip(p_values, adjusted, strict=True)]
