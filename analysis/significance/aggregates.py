"""Scores of many runs on several tasks in one number, with stratified bootstrap (Agarwal et al. 2021).

Formulas of rliable, whose own bootstrap ignores the generator that it is given. A task is a fold or a corpus;
runs are resampled within each, and all tasks are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Scores = NDArray[np.float64]  # of shape (runs, tasks)
DRAWS = 2000


def interquartile_mean(scores: Scores) -> float:
    """Mean of the middle half of all scores."""
    return float(stats.trim_mean(scores, 0.25, axis=None))


def optimality_gap(scores: Scores, enough: float = 1.0) -> float:
    """How much scores miss `enough`, on average; what is beyond it does not make up for what is not."""
    return float(enough - np.minimum(scores, enough).mean())


def probability_of_improvement(a: Scores, b: Scores) -> float:
    """Mean over tasks of the probability that a run of `a` beats a run of `b`; ties count half."""
    signs = np.sign(a[:, None, :] - b[None, :, :])
    return float(((signs + 1) / 2).mean(axis=(0, 1)).mean())


def performance_profile(scores: Scores, levels: Sequence[float]) -> NDArray[np.float64]:
    """Share of all scores above each level, shape (levels,)."""
    return np.array([(scores > level).mean() for level in levels])


def stratified_interval(
    scores: Scores,
    statistic: Callable[[Scores], float],
    generator: np.random.Generator,
    confidence: float = 0.95,
    draws: int = DRAWS,
) -> tuple[float, float]:
    """Percentile interval of a statistic, runs resampled within each task."""
    runs, tasks = scores.shape
    picked = generator.integers(0, runs, size=(draws, runs, tasks))
    drawn = [statistic(np.take_along_axis(scores, rows, axis=0)) for rows in picked]
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)
