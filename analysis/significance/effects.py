"""Effect sizes of a difference between two methods; signs are kept, positive where the first is better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.significance.outcome import NOTHING

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Effects:
    """How large a difference is; None where there is no spread to measure it by.

    Attributes:
        dz: mean over standard deviation of the paired differences (Cohen's d for paired data).
        d_av: mean over the root of the mean of both variances; comparable with unpaired studies.
        hedges_g: `d_av` times the exact small-sample correction.
        cliffs_delta: P(A > B) - P(A < B) over all pairs of scores.
        a12: P(A > B) + P(A = B) / 2 (Vargha & Delaney).
    """

    dz: float | None
    d_av: float | None
    hedges_g: float | None
    cliffs_delta: float
    a12: float


def effects(a: Scores, b: Scores) -> Effects:
    """Effect sizes of paired scores, both of shape (seeds, folds)."""
    differences = (a - b).ravel()
    mean, spread = float(differences.mean()), _deviation(differences)
    both = float(np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)) if a.size > 1 else 0.0
    d_av = None if both < NOTHING else mean / both
    over = np.sign(a.ravel()[:, None] - b.ravel()[None, :])
    delta = float(over.mean())
    return Effects(
        dz=None if spread < NOTHING else mean / spread,
        d_av=d_av,
        hedges_g=None if d_av is None else d_av * hedges_correction(2 * (a.size - 1)),
        cliffs_delta=delta,
        a12=(delta + 1) / 2,
    )


def hedges_correction(df: int) -> float:
    """J = gamma(df/2) / (sqrt(df/2) gamma((df-1)/2)), exactly; 1 for many degrees of freedom."""
    return float(np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) / np.sqrt(df / 2))


def _deviation(values: Scores) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
