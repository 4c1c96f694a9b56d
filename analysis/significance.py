"""Tests on paired differences of shape (seeds, folds): what is repeated decides what may be claimed.

The folds (speakers) are the same for every seed, so scores on one fold are correlated. A test over runs
answers "would another seed agree on these speakers"; only tests that treat folds as a sample answer
"would other speakers agree". Reference values for each formula are in tests/analysis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special, stats

from analysis.errors import AmbiguousSelection, EmptySelection, RaggedTable
from analysis.families import AXES

Differences = NDArray[np.float64]
Status = Literal["tested", "identical", "undefined"]

SPEAKERS_AND_SEEDS = "Would other speakers and other seeds of this corpus agree: folds and seeds both vary."
SPEAKERS = "Would other speakers of this corpus agree, allowing for training sets that overlap."
SPEAKERS_PLAIN = "Would other speakers of this corpus agree; the overlap of training sets is ignored."
CONDITIONAL = "Conditional on these speakers: would another seed agree on the same test folds."

_NOTHING = 1e-12  # differences and deviations below this are rounding, not results
_MOST_FLIPS = 22  # sign patterns are enumerated up to 2 ** this


@dataclass(frozen=True)
class Outcome:
    """One test: estimate, interval, p, degrees of freedom, n and what it speaks about, always together.

    `status` is `identical` when all differences are zero and `undefined` when the data cannot carry the
    test; then statistic, p, df and interval are None and `reason` says why.
    """

    name: str
    estimate: float
    n: int
    scope: str
    statistic: float | None = None
    p: float | None = None
    df: float | None = None
    interval: tuple[float, float] | None = None
    status: Status = "tested"
    reason: str = ""
    standard_error: float | None = None


def quasi_f(differences: Differences, confidence: float = 0.95) -> Outcome:
    """Crossed folds x seeds test of the mean, both random (two-way layout without replication).

    V = MS_fold + MS_seed - MS_error; t = mean / sqrt(V / (F S)), Satterthwaite degrees of freedom. Where
    the variance of folds or of seeds is estimated below zero it is taken as zero: the larger of MS_fold and
    MS_seed then stands for V, with its own degrees of freedom. (Left alone, V near zero would have degrees of
    freedom near zero. Simulated size with the rule: 1.2 to 5.3 % at 5 %.)
    """
    seeds, folds = differences.shape
    blank = _blank("crossed quasi-F", differences, SPEAKERS_AND_SEEDS)
    if blank.status == "identical":
        return blank
    if seeds < 2 or folds < 2:
        return _undefined(blank, f"needs at least 2 seeds and 2 folds, has {seeds} and {folds}")
    fold, seed, error = _mean_squares(differences)
    spread = fold + seed - error
    if min(fold, seed) > error:
        parts = fold**2 / (folds - 1) + seed**2 / (seeds - 1) + error**2 / ((folds - 1) * (seeds - 1))
        df = spread**2 / parts
    else:
        spread, df = max((fold, folds - 1.0), (seed, seeds - 1.0))
    return _t_test(blank, spread / (folds * seeds), df, confidence)


def nadeau_bengio(differences: Differences, test_over_train: float, confidence: float = 0.95) -> Outcome:
    """Corrected resampled t on fold means: variance s2 (1/k + n_test/n_train), k - 1 degrees of freedom.

    Nadeau & Bengio (2003); `test_over_train` from the real counts. Seeds are averaged first, because more
    seeds are no more speakers.
    """
    means = differences.mean(axis=0)
    return _corrected("Nadeau-Bengio on fold means", differences, means, test_over_train, confidence)


def nadeau_bengio_runs(differences: Differences, test_over_train: float, confidence: float = 0.95) -> Outcome:
    """Corrected resampled t on all seeds x folds scores (Bouckaert & Frank 2004): a cautious bound."""
    return _corrected(
        "Nadeau-Bengio on all scores", differences, differences.ravel(), test_over_train, confidence
    )


def fold_mean_t(differences: Differences, confidence: float = 0.95) -> Outcome:
    """Plain t on the means of the folds."""
    blank = _blank("t on fold means", differences, SPEAKERS_PLAIN)
    return _one_sample(blank, differences.mean(axis=0), confidence)


def seed_mean_t(differences: Differences, confidence: float = 0.95) -> Outcome:
    """Paired t over runs as papers do it: one mean over folds per seed. Conditional on these speakers."""
    blank = _blank("t on seed means", differences, CONDITIONAL)
    return _one_sample(blank, differences.mean(axis=1), confidence)


def run_t(differences: Differences, confidence: float = 0.95) -> Outcome:
    """Paired t over all runs as if they were independent. Conditional on these speakers."""
    blank = _blank("t on all runs", differences, CONDITIONAL)
    return _one_sample(blank, differences.ravel(), confidence)


def sign_flip(differences: Differences) -> Outcome:
    """Exact sign-flip permutation test of the fold means; k folds cannot give p below 2 / 2**k."""
    means = differences.mean(axis=0)
    blank = replace(_blank("sign flips of fold means", differences, SPEAKERS_PLAIN), n=len(means))
    if blank.status == "identical":
        return blank
    if len(means) > _MOST_FLIPS:
        return _undefined(blank, f"{len(means)} folds are too many to enumerate, at most {_MOST_FLIPS}")
    sums = np.zeros(1)
    for mean in means:
        sums = np.concatenate([sums + mean, sums - mean])
    p = float(np.mean(np.abs(sums) >= abs(means.sum()) - _NOTHING))
    return replace(blank, statistic=float(means.mean()), p=p)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjusted p-values in the given order.

    A None (a test that was refused) stays None but counts: it takes the last place, which is the
    cautious choice for the others, whatever its p would have been.
    """
    known = [1.0 if p is None else p for p in p_values]
    order = sorted(range(len(known)), key=lambda i: (known[i], p_values[i] is None))
    adjusted: list[float | None] = [None] * len(known)
    worst = 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(known) - rank) * known[i]))
        adjusted[i] = None if p_values[i] is None else worst
    return adjusted


def detectable_difference(outcome: Outcome, power: float = 0.8, alpha: float = 0.05) -> float | None:
    """Smallest true difference that this test, with the spread it saw, finds with the given power.

    From the noncentral t distribution, two-sided at `alpha`, without correction; None where no test was made.
    """
    if outcome.standard_error is None or outcome.df is None:
        return None
    # scipy's noncentral t gives NaN far out; the average of a normal over the spread of the error does not.
    errors = np.sqrt(stats.chi2.ppf((np.arange(2000) + 0.5) / 2000, outcome.df) / outcome.df)
    bars = stats.t.isf(alpha / 2, outcome.df) * errors

    def surplus(shift: float) -> float:
        return float(special.ndtr(shift - bars).mean()) - power

    shift = optimize.brentq(surplus, 0.0, bars.max() + 10.0)
    return float(shift * outcome.standard_error)


@dataclass(frozen=True)
class Evidence:
    """One member of a family of comparisons: differences, or the reason why there are none."""

    differences: Differences | None
    test_over_train: float = 0.25
    reason: str = ""


@dataclass(frozen=True)
class Claim:
    """The primary evidence on one difference, corrected over its family.

    `verdict`: `better` or `worse` when both tests stay below alpha after Holm; `identical` when all
    differences are zero; `not tested` when a test is undefined or refused (`reason`); else `not shown`.
    """

    verdict: Literal["better", "worse", "not shown", "identical", "not tested"]
    crossed: Outcome | None
    corrected: Outcome | None
    crossed_holm: float | None = None
    corrected_holm: float | None = None
    detectable: float | None = None
    reason: str = ""


def claim(family: Sequence[Evidence], alpha: float = 0.05) -> tuple[Claim, ...]:
    """Primary evidence: both the crossed quasi-F and Nadeau-Bengio below `alpha` after Holm over the family.

    Neither alone keeps its promise with real learners: the quasi-F rejects true nulls too often when
    training sets overlap, Nadeau-Bengio ignores that seeds vary.
    """
    both = [None if item.differences is None else _primary(item) for item in family]
    crossed = holm([None if pair is None else _family_p(pair[0]) for pair in both])
    corrected = holm([None if pair is None else _family_p(pair[1]) for pair in both])
    return tuple(
        Claim("not tested", None, None, reason=item.reason)
        if pair is None
        else _judge(*pair, p_crossed, p_corrected, alpha)
        for item, pair, p_crossed, p_corrected in zip(family, both, crossed, corrected, strict=True)
    )


def paired(
    frame: pd.DataFrame, a: Mapping[str, Any], b: Mapping[str, Any], metric: str = "ua"
) -> NDArray[np.float64]:
    """Differences a - b of `metric`, shape (seeds, folds), paired by fold and seed and never by position.

    `a` and `b` name columns and their values, enough of them to leave one cell per fold and seed.

    Raises:
        EmptySelection, AmbiguousSelection: when a selection names no cell, or several for one pair.
        RaggedTable: when the two do not fill the same full grid of folds and seeds.
    """
    left, right = _scores(frame, a, metric), _scores(frame, b, metric)
    folds = sorted({fold for fold, _ in left} | {fold for fold, _ in right})
    seeds = sorted({seed for _, seed in left} | {seed for _, seed in right})
    for scores, selection in ((left, a), (right, b)):
        holes = [(fold, seed) for fold in folds for seed in seeds if (fold, seed) not in scores]
        if holes:
            raise RaggedTable(_named(selection), holes, len(folds), len(seeds))
    rows = [[left[fold, seed] - right[fold, seed] for fold in folds] for seed in seeds]
    return np.array(rows, dtype=np.float64)


def _scores(frame: pd.DataFrame, selection: Mapping[str, Any], metric: str) -> dict[tuple[int, int], float]:
    chosen = frame
    for column, value in selection.items():
        chosen = chosen[chosen[column] == value]
    chosen = chosen[chosen[metric].notna()]
    if chosen.empty:
        raise EmptySelection(_named(selection))
    if chosen.duplicated(["fold", "seed"]).any():
        several = [axis for axis in (*AXES, "percent") if axis in chosen and chosen[axis].nunique() > 1]
        raise AmbiguousSelection(_named(selection), several)
    keys = zip(chosen["fold"], chosen["seed"], chosen[metric], strict=True)
    return {(int(fold), int(seed)): float(score) for fold, seed, score in keys}


def _named(selection: Mapping[str, Any]) -> str:
    return "Cells with " + ", ".join(f"{column} {value}" for column, value in selection.items())


def _mean_squares(differences: Differences) -> tuple[float, float, float]:
    """Mean squares of folds, seeds and the rest, in the two-way layout without replication."""
    seeds, folds = differences.shape
    mean, fold_means = differences.mean(), differences.mean(axis=0)
    seed_means = differences.mean(axis=1, keepdims=True)
    residual = differences - fold_means - seed_means + mean
    return (
        float(seeds * ((fold_means - mean) ** 2).sum() / (folds - 1)),
        float(folds * ((seed_means - mean) ** 2).sum() / (seeds - 1)),
        float((residual**2).sum() / ((folds - 1) * (seeds - 1))),
    )


def _corrected(
    name: str,
    differences: Differences,
    values: NDArray[np.float64],
    test_over_train: float,
    confidence: float,
) -> Outcome:
    blank = replace(_blank(name, differences, SPEAKERS), n=len(values))
    if blank.status == "identical":
        return blank
    if len(values) < 2:
        return _undefined(blank, "needs at least 2 values")
    variance = values.var(ddof=1) if np.ptp(values) > _NOTHING else 0.0
    return _t_test(blank, variance * (1 / len(values) + test_over_train), len(values) - 1, confidence)


def _one_sample(blank: Outcome, values: NDArray[np.float64], confidence: float) -> Outcome:
    blank = replace(blank, n=len(values))
    if blank.status == "identical":
        return blank
    if len(values) < 2:
        return _undefined(blank, "needs at least 2 values")
    variance = values.var(ddof=1) if np.ptp(values) > _NOTHING else 0.0
    return _t_test(blank, variance / len(values), len(values) - 1, confidence)


def _blank(name: str, differences: Differences, scope: str) -> Outcome:
    """The outcome before the test: the estimate, and `identical` where there is nothing to test."""
    identical = bool(np.all(np.abs(differences) < _NOTHING))
    mean = 0.0 if identical else float(differences.mean())
    status: Status = "identical" if identical else "tested"
    return Outcome(
        name, mean, differences.size, scope, status=status, reason="all differences are zero" * identical
    )


def _undefined(blank: Outcome, reason: str) -> Outcome:
    return replace(blank, status="undefined", reason=f"{blank.name} {reason}")


def _t_test(blank: Outcome, variance: float, df: float, confidence: float) -> Outcome:
    """Finish an outcome from the variance of the mean."""
    if variance < _NOTHING**2:
        return _undefined(blank, f"has no variance: every difference is {blank.estimate:.6g}")
    error = float(np.sqrt(variance))
    statistic = blank.estimate / error
    half = float(stats.t.isf((1 - confidence) / 2, df)) * error
    return replace(
        blank,
        statistic=statistic,
        p=float(2 * stats.t.sf(abs(statistic), df)),
        df=float(df),
        interval=(blank.estimate - half, blank.estimate + half),
        standard_error=error,
    )


def _primary(item: Evidence) -> tuple[Outcome, Outcome]:
    assert item.differences is not None
    return quasi_f(item.differences), nadeau_bengio(item.differences, item.test_over_train)


def _family_p(outcome: Outcome) -> float | None:
    """What a test adds to its family: identical results are a member that can never be rejected."""
    return 1.0 if outcome.status == "identical" else outcome.p


def _judge(
    crossed: Outcome, corrected: Outcome, p_crossed: float | None, p_corrected: float | None, alpha: float
) -> Claim:
    if crossed.status == "identical":
        return Claim("identical", crossed, corrected, reason=crossed.reason)
    bars = [detectable_difference(outcome) for outcome in (crossed, corrected)]
    detectable = max((bar for bar in bars if bar is not None), default=None)
    if p_crossed is None or p_corrected is None:
        reason = next(o.reason for o in (crossed, corrected) if o.status == "undefined")
        return Claim("not tested", crossed, corrected, p_crossed, p_corrected, detectable, reason)
    shown = max(p_crossed, p_corrected) < alpha
    verdict: Literal["better", "worse", "not shown"] = "not shown"
    if shown:
        verdict = "better" if crossed.estimate > 0 else "worse"
    return Claim(verdict, crossed, corrected, p_crossed, p_corrected, detectable)
