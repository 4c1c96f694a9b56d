"""Comparisons of cells that differ in one axis: candidates against a reference, with all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.contrasts import EQUIVALENCE, EXPLORED, Axis, Contrasts
from analysis.devices import NO_PAIRS, Unlike, unlike, with_devices
from analysis.errors import AmbiguousSelection, EmptySelection, RaggedTable
from analysis.families import NEUTRAL, Family, by_family_and_percent, words
from analysis.results import Results
from analysis.significance import (
    Claim,
    Effects,
    Evidence,
    Outcome,
    Posterior,
    claim,
    correlated_t,
    effects,
    fold_mean_t,
    nadeau_bengio_runs,
    paired_cells,
    run_t,
    seed_mean_t,
    sign_flip,
    welch_t,
    wilcoxon,
)

Pair = tuple[Family, Family, float, str]  # candidate, reference, percent, metric
Untestable = Callable[[Family, Family], str]  # of a candidate and its reference

_TITLES: dict[Axis, str] = {
    "strategy": "Strategies against {}",
    "adaptation": "Adaptations against {}",
    "initialization": "Initializations against {}",
    "annotation": "Annotations against {}",
    "label_noise": "Label noise against {}",
}


@dataclass(frozen=True)
class Further:
    """What is said of a difference beside the evidence that carries a claim.

    Attributes:
        tests: fold-mean t, sign flips, Wilcoxon, Nadeau-Bengio on all scores, and the paper's own tests
            over seeds and over runs, paired and Welch's, which are conditional on these speakers.
        posterior: how probable it is that the candidate is worse, equivalent in practice, or better.
        effects: sizes of the difference.
    """

    tests: tuple[Outcome, ...]
    posterior: Posterior
    effects: Effects


@dataclass(frozen=True)
class Comparison:
    """One candidate against its reference at one ratio.

    Attributes:
        contrasts: the family that it is a member of.
        claim: the primary evidence, corrected over that family.
        further: None where no test was made.
        labelled: mean number of labelled utterances of the candidate; as planned where none is finished.
        devices: how many of its pairs were computed on unlike devices.
    """

    contrasts: Contrasts
    candidate: Family
    reference: Family
    percent: float
    labelled: float
    claim: Claim
    further: Further | None
    devices: Unlike = NO_PAIRS

    @property
    def pair(self) -> Pair:
        """What tells it from all other comparisons of the study."""
        return self.candidate, self.reference, self.percent, self.contrasts.metric

    @property
    def axis(self) -> Axis:
        """What the two differ in."""
        return self.contrasts.axis


@dataclass(frozen=True)
class _Found:
    """A comparison before it is corrected; `settled` when both sides had the same training set."""

    candidate: Family
    reference: Family
    percent: float
    labelled: float
    evidence: Evidence
    further: Further | None
    settled: bool
    devices: Unlike


def compare(
    results: Results,
    contrasts: Contrasts,
    untestable: Untestable = lambda candidate, reference: "",
    without: AbstractSet[Pair] = frozenset(),
) -> list[Comparison]:
    """Every candidate against the cells that differ only by having the reference on the axis, at each ratio.

    The plan decides who is a member: an unfinished study must not correct for less than the finished one.
    Left out are pairs that are one and the same run (round 0 of two strategies); not counted as members are
    those where everything is labelled and nothing differs, because no other result was possible. A pair with
    cells missing is refused, not repaired. `untestable` gives the reason why this study can say
    nothing on a pair, or nothing. `without`: pairs that are members of another family.
    """
    pairs = [
        pair
        for pair in _pairs(results, contrasts, untestable)
        if (pair.candidate, pair.reference, pair.percent, contrasts.metric) not in without
    ]
    members = iter(claim([pair.evidence for pair in pairs if not pair.settled]))
    return [
        Comparison(
            contrasts,
            pair.candidate,
            pair.reference,
            pair.percent,
            pair.labelled,
            claim([pair.evidence])[0] if pair.settled else next(members),
            pair.further,
            pair.devices,
        )
        for pair in pairs
    ]


def to_explore(results: Results, strategy: str, equivalence: float = EQUIVALENCE) -> list[Contrasts]:
    """Families that nobody declared: every axis on which the study varies and has its reference.

    `strategy`: the reference of that axis.
    """
    planned = results.cells
    references: dict[Axis, str] = {**EXPLORED, "strategy": strategy}
    return [
        Contrasts(_TITLES[axis].format(_named(axis, name)), axis, name, equivalence=equivalence)
        for axis, name in references.items()
        if planned[axis].nunique() > 1 and name in set(planned[axis])
    ]


def _named(axis: Axis, name: str) -> str:
    """A reference in a title; what annotators answer is not understood by its name alone."""
    return words(axis, name) if axis in NEUTRAL else name


def _pairs(results: Results, contrasts: Contrasts, untestable: Untestable) -> Iterator[_Found]:
    axis, reference = contrasts.axis, contrasts.reference
    planned = by_family_and_percent(_chosen(results.cells, contrasts))
    finished = by_family_and_percent(_chosen(with_devices(results.frame), contrasts))
    seen: set[tuple[frozenset[str], frozenset[str]]] = set()
    for (candidate, percent), cells in planned.items():
        if getattr(candidate, axis) == reference:
            continue
        other = candidate._replace(**{axis: reference})
        against = planned.get((other, percent))
        runs = frozenset(cells["key"]), frozenset(() if against is None else against["key"])
        if runs[0] == runs[1] or runs in seen:
            continue
        seen.add(runs)
        left, right = (finished.get((family, percent)) for family in (candidate, other))
        labelled = float((cells["size"] if left is None else left["labelled"]).mean())
        if reason := untestable(candidate, other):
            evidence, further = Evidence(None, reason=reason), None
        elif against is None:
            reason = f"the study plans no cell with {axis} {reference} beside it"
            evidence, further = Evidence(None, reason=reason), None
        else:
            absent = len(cells) + len(against) - sum(0 if one is None else len(one) for one in (left, right))
            evidence, further = _evidence(left, right, absent, contrasts)
        devices = NO_PAIRS if left is None or right is None else unlike(left, right)
        same = settled(left, evidence)
        yield _Found(candidate, other, percent, labelled, evidence, further, same, devices)


def _chosen(cells: pd.DataFrame, contrasts: Contrasts) -> pd.DataFrame:
    """The cells that a family of comparisons is about."""
    chosen = pd.Series(True, index=cells.index)
    for axis, value in contrasts.where.items():
        chosen &= cells[axis] == value
    if contrasts.percents:
        chosen &= cells["percent"].isin(contrasts.percents)
    return cells[chosen]


def _evidence(
    left: pd.DataFrame | None, right: pd.DataFrame | None, absent: int, contrasts: Contrasts
) -> tuple[Evidence, Further | None]:
    """Paired differences with all that is said of them, or the sentence why the table is ragged."""
    if absent or left is None or right is None:
        return Evidence(None, reason=f"ragged, planned cells missing: {absent}"), None
    try:
        a, b = paired_cells(left, right, contrasts.metric)
    except (EmptySelection, AmbiguousSelection, RaggedTable) as error:
        return Evidence(None, reason=str(error)), None
    ratio = float((left["test"] / left["train"]).mean())
    tests = (
        fold_mean_t(a - b),
        sign_flip(a - b),
        wilcoxon(a - b),
        nadeau_bengio_runs(a - b, ratio),
        seed_mean_t(a - b),
        welch_t(a, b),
        run_t(a - b),
    )
    posterior = correlated_t(a - b, ratio, contrasts.equivalence)
    return Evidence(a - b, ratio), Further(tests, posterior, effects(a, b))


def settled(cells: pd.DataFrame | None, evidence: Evidence) -> bool:
    """Whether a candidate's cells label everything and nothing differs: no other result was possible."""
    if cells is None or evidence.differences is None or np.any(evidence.differences):
        return False
    return bool((cells["labelled"] >= cells["train"]).all())
