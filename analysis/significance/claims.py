"""What may be claimed: both primary tests below alpha over a family; daggers against all baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from analysis.significance.corrected import nadeau_bengio
from analysis.significance.correction import holm
from analysis.significance.crossed import quasi_f
from analysis.significance.outcome import Differences, Outcome
from analysis.significance.power import detectable_difference


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


@dataclass(frozen=True)
class Dagger:
    """Whether one method is better than every baseline (an intersection-union claim).

    `shown`: None where a comparison is missing or its test is undefined (`reason`). The p-values are the
    largest over the baselines, 1 where the method is not ahead of one, then Holm over the daggers of a table.
    """

    shown: bool | None
    p_crossed: float | None = None
    p_corrected: float | None = None
    crossed_holm: float | None = None
    corrected_holm: float | None = None
    reason: str = ""


def daggers(candidates: Sequence[Sequence[Evidence]], alpha: float = 0.05) -> tuple[Dagger, ...]:
    """For each candidate, its evidence against every baseline: whether it is better than all of them.

    Each claim is that of its weakest comparison, without correction inside it, because all of them have to
    hold (Berger 1982); Holm runs over the daggers of the table.
    """
    weakest = [_weakest(against) for against in candidates]
    crossed = holm([found.p_crossed for found in weakest])
    corrected = holm([found.p_corrected for found in weakest])
    return tuple(
        found
        if p_crossed is None or p_corrected is None
        else replace(
            found,
            shown=max(p_crossed, p_corrected) < alpha,
            crossed_holm=p_crossed,
            corrected_holm=p_corrected,
        )
        for found, p_crossed, p_corrected in zip(weakest, crossed, corrected, strict=True)
    )


def _weakest(against: Sequence[Evidence]) -> Dagger:
    """The largest p of both tests over all baselines, or why there are none."""
    if not against:
        return Dagger(None, reason="no baseline to be compared with")
    crossed = corrected = 0.0
    for item in against:
        if item.differences is None:
            return Dagger(None, reason=item.reason)
        pair = _primary(item)
        p_crossed, p_corrected = map(_p_ahead, pair)
        if p_crossed is None or p_corrected is None:
            return Dagger(None, reason=_refused(pair))
        crossed, corrected = max(crossed, p_crossed), max(corrected, p_corrected)
    return Dagger(None, p_crossed=crossed, p_corrected=corrected)


def _p_ahead(outcome: Outcome) -> float | None:
    """The two-sided p of a method that is ahead; 1 of one that is not."""
    p = _family_p(outcome)
    return p if p is None or outcome.estimate > 0 else 1.0


def _primary(item: Evidence) -> tuple[Outcome, Outcome]:
    assert item.differences is not None
    return quasi_f(item.differences), nadeau_bengio(item.differences, item.test_over_train)


def _family_p(outcome: Outcome) -> float | None:
    """What a test adds to its family: identical results are a member that can never be rejected."""
    return 1.0 if outcome.status == "identical" else outcome.p


def _refused(pair: tuple[Outcome, Outcome]) -> str:
    """Why the first of two tests that is undefined is so."""
    return next(outcome.reason for outcome in pair if outcome.status == "undefined")


def _judge(
    crossed: Outcome, corrected: Outcome, p_crossed: float | None, p_corrected: float | None, alpha: float
) -> Claim:
    if crossed.status == "identical":
        return Claim("identical", crossed, corrected, reason=crossed.reason)
    bars = [detectable_difference(outcome) for outcome in (crossed, corrected)]
    known = [bar for bar in bars if bar is not None]
    detectable = max(known) if len(known) == len(bars) else None  # both tests have to find it
    if p_crossed is None or p_corrected is None:
        reason = _refused((crossed, corrected))
        return Claim("not tested", crossed, corrected, p_crossed, p_corrected, detectable, reason)
    shown = max(p_crossed, p_corrected) < alpha
    verdict: Literal["better", "worse", "not shown"] = "not shown"
    if shown:
        verdict = "better" if crossed.estimate > 0 else "worse"
    return Claim(verdict, crossed, corrected, p_crossed, p_corrected, detectable)
