"""Learning curves: a score against the labelled share of train, one curve per family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.families import by_family_and_percent, label, varying

Interval = Literal["seeds", "folds"]
DRAWS = 2000


def learning_curves(
    frame: pd.DataFrame,
    generator: np.random.Generator,
    metric: str = "ua",
    interval: Interval = "seeds",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """One row per family and ratio: mean over folds of the fold's mean over seeds, with an interval.

    Args:
        frame: finished cells (`Results.frame`).
        generator: draws the bootstrap.
        metric: a column of `frame`.
        interval: `seeds` resamples seeds within each fold, all folds kept (how sure is the curve on
            these speakers); `folds` is the t interval of the fold means (on other speakers).

    Returns:
        The axes of the family, `label`, percent, labelled, validation, mean, low, high, sd (over folds),
        folds, seeds, cells. low and high are NaN where one seed (or one fold) leaves nothing to vary.
    """
    axes, rows = varying(frame), []
    for (family, percent), cells in by_family_and_percent(frame).items():
        by_fold = [scores.to_numpy(float) for _, scores in cells.groupby("fold")[metric]]
        low, high = _interval(by_fold, generator, interval, confidence)
        rows.append(
            {
                **family._asdict(),
                "label": label(family, axes),
                "percent": percent,
                "labelled": cells["labelled"].mean(),
                "validation": cells["validation"].mean(),
                "mean": float(np.mean([scores.mean() for scores in by_fold])),
                "low": low,
                "high": high,
                "sd": sd_over_folds(by_fold),
                "folds": len(by_fold),
                "seeds": cells["seed"].nunique(),
                "cells": len(cells),
            }
        )
    return pd.DataFrame(rows)


def sd_over_folds(by_fold: Sequence[NDArray[np.float64]]) -> float:
    """Standard deviation (ddof 1) over folds of the seed means; NaN with one fold."""
    means = [scores.mean() for scores in by_fold]
    return float(np.std(means, ddof=1)) if len(means) > 1 else float("nan")


def bootstrap_over_seeds(
    by_fold: Sequence[NDArray[np.float64]],
    generator: np.random.Generator,
    confidence: float = 0.95,
    draws: int = DRAWS,
) -> tuple[float, float]:
    """Percentile interval of the mean over folds, seeds resampled within each fold, all folds kept.

    NaN where every fold has a single seed: there is nothing to resample.
    """
    if max(len(scores) for scores in by_fold) < 2:
        return float("nan"), float("nan")
    drawn = [generator.choice(scores, size=(draws, len(scores))).mean(axis=1) for scores in by_fold]
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.mean(drawn, axis=0), [tail, 1 - tail])
    return float(low), float(high)


def interval_over_folds(means: NDArray[np.float64], confidence: float = 0.95) -> tuple[float, float]:
    """Student's t interval of the mean of fold means, shape (folds,); NaN with one fold."""
    if len(means) < 2:
        return float("nan"), float("nan")
    half = stats.t.isf((1 - confidence) / 2, len(means) - 1) * stats.sem(means)
    return float(means.mean() - half), float(means.mean() + half)


def _interval(
    by_fold: Sequence[NDArray[np.float64]], generator: np.random.Generator, kind: Interval, confidence: float
) -> tuple[float, float]:
    if kind == "seeds":
        return bootstrap_over_seeds(by_fold, generator, confidence)
    return interval_over_folds(np.array([scores.mean() for scores in by_fold]), confidence)
