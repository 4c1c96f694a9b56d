"""Five times two-fold cross-validation: five draws of two halves, each trained on and tested once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import stats

from analysis.significance.outcome import NOTHING, SPEAKERS, Differences, Outcome, blank


def dietterich_t(differences: Differences, confidence: float = 0.95) -> Outcome:
    """5x2cv paired t (Dietterich 1998): the first difference over the root of the mean variance, df 5.

    `differences` of shape (5, 2): draws by halves. The estimate and its interval are of the first difference,
    which alone is the numerator; prefer `alpaydin_f`, whose verdict does not hang on which one is first.
    """
    begun = _begin("5x2cv t", differences)
    if begun.status != "tested":
        return begun
    error = float(np.sqrt(_variances(differences).mean()))
    first = float(differences[0, 0])
    half = float(stats.t.isf((1 - confidence) / 2, 5)) * error
    return replace(
        begun,
        estimate=first,
        statistic=first / error,
        p=float(2 * stats.t.sf(abs(first / error), 5)),
        df=5.0,
        interval=(first - half, first + half),
        standard_error=error,
    )


def alpaydin_f(differences: Differences) -> Outcome:
    """Combined 5x2cv F (Alpaydin 1999): sum of squares over twice the sum of variances, F(10, 5)."""
    begun = _begin("5x2cv F", differences)
    if begun.status != "tested":
        return begun
    statistic = float((differences**2).sum() / (2 * _variances(differences).sum()))
    return replace(begun, statistic=statistic, p=float(stats.f.sf(statistic, 10, 5)), df=10.0, df_below=5.0)


def _begin(name: str, differences: Differences) -> Outcome:
    begun = blank(name, differences, SPEAKERS)
    if begun.status == "identical":
        return begun
    if differences.shape != (5, 2):
        seeds, folds = differences.shape
        return begun.undefined(f"needs 5 draws of 2 folds, has {seeds} and {folds}")
    if _variances(differences).sum() < NOTHING**2:
        return begun.undefined("has no variance: both halves of every draw differ by the same")
    return begun


def _variances(differences: Differences) -> Differences:
    """Per draw (p1 - pbar)**2 + (p2 - pbar)**2."""
    return ((differences - differences.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
