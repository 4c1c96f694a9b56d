"""Comparisons of families that differ in one axis: candidates against a reference, with all tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.errors import AmbiguousSelection, EmptySelection, RaggedTable
from analysis.families import Family, cells_of, families
from analysis.results import Results
from analysis.significance import (
    Claim,
    Evidence,
    Outcome,
    claim,
    fold_mean_t,
    nadeau_bengio_runs,
    paired,
    run_t,
    seed_mean_t,
    sign_flip,
)

Axis = Literal["strategy", "adaptation", "initialization"]
REFERENCES: dict[Axis, str] = {"strategy": "random", "adaptation": "none", "initialization": "random"}


@dataclass(frozen=True)
class Comparison:
    """One candidate against its reference at one ratio.

    Attributes:
        axis: what the two differ in.
        claim: the primary evidence, corrected over all comparisons of its axis.
        others: fold-mean t, sign flips, Nadeau-Bengio on all scores, and the paper's own tests over seeds
            and over runs, the last two conditional on these speakers; empty where the test was refused.
        labelled: mean number of labelled utterances of the candidate; as planned where none is finished.
    """

    axis: Axis
    candidate: Family
    reference: Family
    percent: float
    labelled: float
    claim: Claim
    others: tuple[Outcome, ...]


@dataclass(frozen=True)
class _Pair:
    """A comparison before its family is known; `settled` when both sides had the same training set."""

    axis: Axis
    candidate: Family
    reference: Family
    percent: float
    labelled: float
    evidence: Evidence
    settled: bool


def compare(
    results: Results, axis: Axis, reference: str, metric: str = "ua", untestable: str = ""
) -> list[Comparison]:
    """Every family against the one that differs from it only by having `reference` on `axis`, at each ratio.

    The comparisons returned are one Holm family, and the plan decides who is in it: an unfinished study
    must not correct for less than the finished one. Left out are pairs that are one and the same run
    (round 0 of two strategies); counted outside the family are those where everything is labelled and
    nothing differs, because no other result was possible. A pair with cells missing is refused, not
    repaired. `untestable` is the reason why this study can say nothing on the axis: then no pair is tested.
    """
    pairs = list(_pairs(results, axis, reference, metric, untestable))
    family = iter(claim([pair.evidence for pair in pairs if not pair.settled]))
    return [
        Comparison(
            axis,
            pair.candidate,
            pair.reference,
            pair.percent,
            pair.labelled,
            claim([pair.evidence])[0] if pair.settled else next(family),
            _others(pair.evidence),
        )
        for pair in pairs
    ]


def axes_to_compare(results: Results, strategy: str) -> dict[Axis, str]:
    """The axes of a study on which its reference has something to be compared with, with the references."""
    wanted = {**REFERENCES, "strategy": strategy}
    planned = results.cells
    return {
        axis: name
        for axis, name in wanted.items()
        if planned[axis].nunique() > 1 and name in set(planned[axis])
    }


def _pairs(results: Results, axis: Axis, reference: str, metric: str, untestable: str) -> Iterator[_Pair]:
    planned = results.cells
    seen: set[tuple[frozenset[str], frozenset[str]]] = set()
    for candidate in families(planned):
        if getattr(candidate, axis) == reference:
            continue
        other = candidate._replace(**{axis: reference})
        against = cells_of(planned, other)
        for percent, cells in cells_of(planned, candidate).groupby("percent"):
            runs = frozenset(cells["key"]), frozenset(against[against["percent"] == percent]["key"])
            if runs[0] == runs[1] or runs in seen:
                continue
            seen.add(runs)
            ratio = float(percent)  # type: ignore[arg-type]
            evidence = (
                Evidence(None, reason=untestable)
                if untestable
                else _evidence(results, candidate, other, ratio, metric)
            )
            finished = cells_of(results.frame, candidate)
            finished = finished[finished["percent"] == ratio]
            labelled = cells["size"] if finished.empty else finished["labelled"]
            settled = _settled(finished, evidence)
            yield _Pair(axis, candidate, other, ratio, float(labelled.mean()), evidence, settled)


def _evidence(results: Results, a: Family, b: Family, percent: float, metric: str) -> Evidence:
    """Paired differences, or the sentence why the table is ragged."""
    absent = sum(int((cells_of(results.missing, family)["percent"] == percent).sum()) for family in (a, b))
    if absent:
        return Evidence(None, reason=f"ragged, planned cells missing: {absent}")
    left, right = ({**family._asdict(), "percent": percent} for family in (a, b))
    try:
        differences = paired(results.frame, left, right, metric)
    except (EmptySelection, AmbiguousSelection, RaggedTable) as error:
        return Evidence(None, reason=str(error))
    cells = cells_of(results.frame, a)
    return Evidence(differences, float((cells["test"] / cells["train"]).mean()))


def _settled(cells: pd.DataFrame, evidence: Evidence) -> bool:
    if evidence.differences is None or np.any(evidence.differences):
        return False
    return bool((cells["labelled"] >= cells["train"]).all())


def _others(evidence: Evidence) -> tuple[Outcome, ...]:
    if evidence.differences is None:
        return ()
    return (
        fold_mean_t(evidence.differences),
        sign_flip(evidence.differences),
        nadeau_bengio_runs(evidence.differences, evidence.test_over_train),
        seed_mean_t(evidence.differences),
        run_t(evidence.differences),
    )
