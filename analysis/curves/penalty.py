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
    runs = scores.shape[2]
    if runs < 2:
        raise ValueError(f"penalties need at least 2 runs, not {runs}")
    return np.array([_beats(one - scores, alpha).mean(axis=1) for one in scores])


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


def _beats(differences: NDArray[np.float64], alpha: float) -> NDArray[np.bool_]:
    """Whether the mean over runs (last axis) is above zero by a two-sided t-test."""
    mean, spread = differences.mean(axis=-1), differences.std(axis=-1, ddof=1)
    runs = differences.shape[-1]
    constant = np.ptp(differences, axis=-1) < _NOTHING  # ahead by the same in every run is ahead
    statistic = np.divide(mean * np.sqrt(runs), spread, out=np.zeros_like(mean), where=~constant)
    return (mean > _NOTHING) & (constant | (2 * stats.t.sf(statistic, runs - 1) < alpha))
