"""What every test returns, and the sentences on what a test speaks about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Differences = NDArray[np.float64]  # paired, of shape (seeds, folds)
Status = Literal["tested", "identical", "undefined"]

SPEAKERS_AND_SEEDS = "Would other speakers and other seeds of this corpus agree: folds and seeds both vary."
SPEAKERS = "Would other speakers of this corpus agree, allowing for training sets that overlap."
SPEAKERS_PLAIN = "Would other speakers of this corpus agree; the overlap of training sets is ignored."
CONDITIONAL = "Conditional on these speakers: would another seed agree on the same test folds."

NOTHING = 1e-12  # differences and deviations below this are rounding, not results


@dataclass(frozen=True)
class Outcome:
    """One test: estimate, interval, p, degrees of freedom, n and what it speaks about, always together.

    `status` is `identical` when all differences are zero and `undefined` when the data cannot carry the
    test; then statistic, p, df and interval are None and `reason` says why. A test by F has `df_below` too
    and no interval, one that counts arrangements neither degrees of freedom nor interval.
    """

    name: str
    estimate: float
    n: int
    scope: str
    statistic: float | None = None
    p: float | None = None
    df: float | None = None
    df_below: float | None = None  # of an F: those of its denominator
    interval: tuple[float, float] | None = None
    status: Status = "tested"
    reason: str = ""
    standard_error: float | None = None

    def undefined(self, reason: str) -> Outcome:
        """The same, but refused."""
        return replace(self, status="undefined", reason=f"{self.name} {reason}")


def blank(name: str, differences: Differences, scope: str, n: int | None = None) -> Outcome:
    """The outcome before the test: the estimate, and `identical` where there is nothing to test."""
    same = bool(np.all(np.abs(differences) < NOTHING))
    return Outcome(
        name,
        estimate=0.0 if same else float(differences.mean()),
        n=differences.size if n is None else n,
        scope=scope,
        status="identical" if same else "tested",
        reason="all differences are zero" * same,
    )


def by_t(begun: Outcome, variance: float, df: float, confidence: float) -> Outcome:
    """Finish an outcome by Student's t from the variance of the mean."""
    if variance < NOTHING**2:
        return begun.undefined(f"has no variance: every difference is {begun.estimate:.6g}")
    error = float(np.sqrt(variance))
    statistic = begun.estimate / error
    half = float(stats.t.isf((1 - confidence) / 2, df)) * error
    return replace(
        begun,
        statistic=statistic,
        p=float(2 * stats.t.sf(abs(statistic), df)),
        df=float(df),
        interval=(begun.estimate - half, begun.estimate + half),
        standard_error=error,
    )


def by_t_on_values(
    begun: Outcome, values: NDArray[np.float64], confidence: float, more_variance: float = 0.0
) -> Outcome:
    """Student's t on values of shape (n,), their mean having variance s2 (1 / n + `more_variance`)."""
    if begun.status == "identical":
        return begun
    if len(values) < 2:
        return begun.undefined("needs at least 2 values")
    spread = float(values.var(ddof=1)) if np.ptp(values) > NOTHING else 0.0
    return by_t(begun, spread * (1 / len(values) + more_variance), len(values) - 1, confidence)
