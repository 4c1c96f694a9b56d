"""Almost stochastic order: how far one distribution of scores is from lying above another everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def violation_ratio(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Share of the squared distance of the quantiles in which `a` lies below `b` (del Barrio et al. 2018).

    0 where every quantile of `a` is at least that of `b`, 1 the other way round, NaN where they are equal.
    Exact: empirical quantiles are steps, so the integral is a sum (deepsig takes steps of 0.005 and is
    two percent off on ten scores).

    Args:
        a, b: scores of shape (n,) and (m,), in any order.
    """
    ends = np.union1d(np.arange(1, len(a) + 1) / len(a), np.arange(1, len(b) + 1) / len(b))
    middles, widths = ends - np.diff(ends, prepend=0) / 2, np.diff(ends, prepend=0)
    gaps = _quantile(a, middles) - _quantile(b, middles)
    whole = float((widths * gaps**2).sum())
    return float((widths * np.minimum(gaps, 0) ** 2).sum()) / whole if whole else float("nan")


def _quantile(scores: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of the empirical distribution function."""
    return np.sort(scores)[np.minimum((shares * len(scores)).astype(int), len(scores) - 1)]
