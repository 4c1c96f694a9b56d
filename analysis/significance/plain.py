"""Student's t on means and runs, as papers do it; over runs it is conditional on the speakers tested."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analysis.significance.outcome import (
    CONDITIONAL,
    NOTHING,
    SPEAKERS_PLAIN,
    Differences,
    Outcome,
    blank,
    by_t,
    by_t_on_values,
)


def fold_mean_t(differences: Differences, confidence: float = 0.95) -> Outcome:
    """Plain t on the means of the folds."""
    means = differences.mean(axis=0)
    return by_t_on_values(
        blank("t on fold means", differences, SPEAKERS_PLAIN, n=len(means)), means, confidence
    )


def seed_mean_t(differences: Differences, confidence: float = 0.95) -> Outcome:
    """Paired t over runs as papers do it: one mean over folds per seed. Conditional on these speakers."""
    means = differences.mean(axis=1)
    return by_t_on_values(blank("t on seed means", differences, CONDITIONAL, n=len(means)), means, confidence)


def run_t(differences: Differences, confidence: float = 0.95) -> Outcome:
    """Paired t over all runs as if they were independent. Conditional on these speakers."""
    return by_t_on_values(blank("t on all runs", differences, CONDITIONAL), differences.ravel(), confidence)


def welch_t(a: NDArray[np.float64], b: NDArray[np.float64], confidence: float = 0.95) -> Outcome:
    """Welch's unpaired t over runs, the seed means of two methods. Conditional on these speakers.

    Args:
        a, b: scores of shape (seeds, folds), the same folds; their numbers of seeds may differ.
    """
    left, right = a.mean(axis=1), b.mean(axis=1)
    begun = Outcome(
        "Welch t on seed means", float(left.mean() - right.mean()), len(left) + len(right), CONDITIONAL
    )
    if a.shape == b.shape and np.all(np.abs(a - b) < NOTHING):
        return replace(begun, estimate=0.0, status="identical", reason="all differences are zero")
    if min(len(left), len(right)) < 2:
        return begun.undefined(f"needs at least 2 seeds of each, has {len(left)} and {len(right)}")
    if max(np.ptp(left), np.ptp(right)) < NOTHING:
        return begun.undefined("has no variance: every seed of a method has the same mean")
    of_mean = [float(means.var(ddof=1)) / len(means) for means in (left, right)]
    variance = sum(of_mean)
    df = variance**2 / sum(
        part**2 / (len(means) - 1) for part, means in zip(of_mean, (left, right), strict=True)
    )
    return by_t(begun, variance, df, confidence)
