"""Tests of fold means that assume no distribution; few folds cannot give a small p, and they say so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import stats

from analysis.significance.outcome import NOTHING, SPEAKERS_PLAIN, Differences, Outcome, blank

_MOST_FLIPS = 22  # sign patterns are enumerated up to 2 ** this


def sign_flip(differences: Differences) -> Outcome:
    """Exact sign-flip permutation test of the fold means; k folds cannot give p below 2 / 2**k."""
    means = differences.mean(axis=0)
    begun = blank("sign flips of fold means", differences, SPEAKERS_PLAIN, n=len(means))
    if begun.status == "identical":
        return begun
    if len(means) > _MOST_FLIPS:
        return begun.undefined(f"{len(means)} folds are too many to enumerate, at most {_MOST_FLIPS}")
    sums = np.zeros(1)
    for mean in means:
        sums = np.concatenate([sums + mean, sums - mean])
    p = float(np.mean(np.abs(sums) >= abs(means.sum()) - NOTHING))
    return replace(begun, statistic=float(means.mean()), p=p)


def wilcoxon(differences: Differences) -> Outcome:
    """Wilcoxon's signed ranks of the fold means, by scipy; five folds cannot give p below .0625.

    Means that are zero are left out, as Wilcoxon did.
    """
    means = differences.mean(axis=0)
    begun = blank("Wilcoxon on fold means", differences, SPEAKERS_PLAIN, n=len(means))
    if begun.status == "identical":
        return begun
    if np.all(np.abs(means) < NOTHING):
        return begun.undefined("needs a fold whose mean is not zero")
    test = stats.wilcoxon(np.where(np.abs(means) < NOTHING, 0.0, means))
    return replace(begun, statistic=float(test.statistic), p=float(test.pvalue))
