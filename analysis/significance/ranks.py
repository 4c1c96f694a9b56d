"""Several methods by their ranks over independent blocks: Friedman, Iman-Davenport, Nemenyi (Demsar 2006).

Blocks are corpora, or folds after averaging seeds, and may not share test utterances: ranks over correlated
cells would count the same speakers many times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.significance.outcome import NOTHING

Scores = NDArray[np.float64]  # of shape (blocks, methods); more is better


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of k methods over N blocks, and whether they differ.

    Attributes:
        ranks: mean rank of every method, 1 being the best; ties share theirs.
        chi2, p: Friedman's statistic with k - 1 degrees of freedom, corrected for ties.
        f, f_p: Iman & Davenport's, with k - 1 and (k - 1)(N - 1) degrees of freedom; less conservative.
        nemenyi: p-values of all pairs, shape (k, k), ones on the diagonal.
        critical_difference: of two mean ranks, at the level `alpha`.
    """

    ranks: NDArray[np.float64]
    blocks: int
    chi2: float
    p: float
    f: float
    f_p: float
    nemenyi: NDArray[np.float64]
    critical_difference: float
    alpha: float


def friedman(scores: Scores, alpha: float = 0.05) -> Ranking | str:
    """Rank methods over blocks; a sentence where that is not possible.

    Args:
        scores: of every block and method, more is better.
        alpha: level of the critical difference.
    """
    blocks, methods = scores.shape
    if blocks < 2 or methods < 3:
        return f"a Friedman test needs at least 2 blocks and 3 methods, has {blocks} and {methods}"
    if not np.isfinite(scores).all():
        return "a Friedman test needs a score of every method on every block"
    if np.ptp(scores, axis=1).max() < NOTHING:
        return "all methods are identical on every block"
    ranks = stats.rankdata(-scores, axis=1).mean(axis=0)
    test = stats.friedmanchisquare(*scores.T)
    chi2 = float(test.statistic)
    f, f_p = iman_davenport(chi2, blocks, methods)
    return Ranking(
        ranks, blocks, chi2, float(test.pvalue), f, f_p, nemenyi(scores),
        critical_difference(methods, blocks, alpha), alpha,
    )  # fmt: skip


def iman_davenport(chi2: float, blocks: int, methods: int) -> tuple[float, float]:
    """F = (N - 1) chi2 / (N (k - 1) - chi2) and its p; infinite where all blocks agree entirely."""
    left = blocks * (methods - 1) - chi2
    f = np.inf if left < NOTHING else (blocks - 1) * chi2 / left
    return float(f), float(stats.f.sf(f, methods - 1, (methods - 1) * (blocks - 1)))


def critical_difference(methods: int, blocks: int, alpha: float = 0.05) -> float:
    """Nemenyi's critical difference of mean ranks; q is the studentised range over the root of 2."""
    q = stats.studentized_range.ppf(1 - alpha, methods, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * blocks)))


def nemenyi(scores: Scores) -> NDArray[np.float64]:
    """p-values of all pairs by scikit-posthocs, shape (methods, methods)."""
    from scikit_posthocs import posthoc_nemenyi_friedman  # a second to import

    return np.asarray(posthoc_nemenyi_friedman(scores), dtype=np.float64)
