"""Pairwise penalties of BADGE (Ash et al. 2020): how often one strategy significantly beats another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_NOTHING = 1e-12


def penalty_matrix(scores: NDArray[np.float64], alpha: float = 0.05) -> NDArray[np.float64]:
    """P[i, j]: share of checkpoints at which strategy i beats strategy j, by a paired t over runs.

    The mean of a column says how often others beat that strategy: lower is better. Two-sided at `alpha`, not
    corrected, and conditional on the speakers tested, as every test over runs.

    Args:
        scores: shape (strategies, checkpoints, runs), the runs paired: by seed, each a mean over folds.
    """
    strategies, points, runs = scores.shape
    beaten = np.zeros((strategies, strategies))
    if runs < 2:
        raise ValueError(f"penalties need at least 2 runs, not {runs}")
    for one in range(strategies):
        for other in range(strategies):
            differences = scores[one] - scores[other]
            beaten[one, other] = sum(_beats(values, alpha) for values in differences) / points
    return beaten


def checkpoints(labelled: Sequence[float], reference: Sequence[float], enough: float = 0.99) -> list[int]:
    """Places of the ratios that count: labels at least double from one to the next.

    They end with the first at which the reference curve has reached `enough` of its final score: what comes
    later cannot tell strategies apart.
    """
    final, chosen = reference[-1], [0]
    for place in range(1, len(labelled)):
        if reference[chosen[-1]] >= enough * final:
            break
        if labelled[place] >= 2 * labelled[chosen[-1]]:
            chosen.append(place)
    return chosen


def _beats(differences: NDArray[np.float64], alpha: float) -> bool:
    mean = float(differences.mean())
    if mean <= _NOTHING:
        return False
    if np.ptp(differences) < _NOTHING:
        return True  # ahead by the same in every run
    return bool(stats.ttest_1samp(differences, 0.0).pvalue < alpha)
