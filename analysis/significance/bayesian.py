"""Bayesian correlated t (Corani & Benavoli 2015) with a region of practical equivalence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.significance.outcome import NOTHING, SPEAKERS, Differences


@dataclass(frozen=True)
class Posterior:
    """How probable it is that the first is worse, practically equivalent, or better; they add up to 1."""

    worse: float
    equivalent: float
    better: float
    rope: float
    n: int
    scope: str = SPEAKERS


def correlated_t(differences: Differences, test_over_train: float, rope: float) -> Posterior:
    """The posterior of the mean difference, a t of Nadeau & Bengio's variance, cut at -`rope` and `rope`.

    baycomp computes the same, but only for test_over_train = 1 / (folds - 1), which a validation part
    makes too small.

    Raises:
        ValueError: when `rope` is negative.
    """
    if rope < 0:
        raise ValueError(f"rope must be at least 0, not {rope}")
    values = differences.ravel()
    n, mean = len(values), float(values.mean())
    if n < 2 or np.ptp(values) < NOTHING:
        return Posterior(float(mean < -rope), float(abs(mean) <= rope), float(mean > rope), rope, n)
    scale = float(np.sqrt(values.var(ddof=1) * (1 / n + test_over_train)))
    worse = float(stats.t.cdf(-rope, n - 1, mean, scale))
    better = float(stats.t.sf(rope, n - 1, mean, scale))
    return Posterior(worse, 1 - worse - better, better, rope, n)
