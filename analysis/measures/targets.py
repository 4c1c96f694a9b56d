"""Labels and time that a family needs to reach a target: a fixed score, or 95 % of what all labels give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis._rendering import NOTHING, Cell, Table, percent, seconds_text
from analysis.curves import FoldCurve, Reached, to_targets
from analysis.families import Family, annotated, label, varying
from analysis.measures._text import family_of
from analysis.measures.full_data import FullData, full_data, model_of
from analysis.measures.trajectories import Trajectories, reference_of, trajectories_of
from analysis.results import Results

SHARE_OF_ALL = 0.95  # of the score with everything labelled, per fold
COSTS = ("labelled", "labelled_and_validation", "percent_of_train", "charged_seconds")
ANNOTATIONS = "annotations"  # one more, of studies in which a label may be several of them
_NO_RELATIVE_TARGET = "Labels to reach 95 % of the full-data model are not given for {}: {}."

_HEAD = ("", "target", "labels", "95 % interval", "of train, %", "with validation", "charged time")
_LABELS = 4  # so many of them are on labels; annotations stand behind
_NOTE = (
    "Where the running maximum of a fold's mean over seeds meets the target, linear between ratios; median "
    "over folds; the interval resamples seeds within folds, on these speakers. “≤”: the curve begins above "
    "the target. “not reached (more than n)”: half of the folds or more never meet it; n is the median in "
    "which these count with the labels of their last ratio. With validation: labelled and validation "
    "utterances. Ratio: labels of this row over those of {reference}, otherwise alike."
)
_SPENT = " Annotations: those that the labels of this row took."
_INCOMPLETE = " * trajectories with missing cells are left out."


@dataclass(frozen=True)
class _Target:
    """What is to be reached: the score on each fold, and where it comes from."""

    name: str
    by_fold: Mapping[int, float]
    source: str = ""


def targets_frame(
    results: Results, reference: str, targets: Sequence[float], generator: np.random.Generator
) -> pd.DataFrame:
    """One row per family, target and kind of cost; families of a single ratio have no curve and no row.

    Args:
        results: finished and missing cells.
        reference: the strategy whose labels the `ratio` is over, all else alike.
        targets: UA to be reached, as shares.
        generator: draws the bootstrap of seeds within folds.

    Returns:
        The axes of the family; `target` (its name), `target_score` (mean over folds), `target_from` (which
        full-data model it is a share of); `cost` (one of `COSTS`: utterances, percent or seconds; and
        `annotations` where somebody else than the corpus annotates in any family); `median`
        over folds with `low` and `high`, infinite where the target is not reached; `at_least` and
        `high_at_least`: what is then known of `median` and `high`, from the folds that reach the target and
        the last ratio of the others; `first` and `last`: medians of what the curves begin and end with;
        `reached`: `yes`, `at once` (the first ratio is above the target) or `no`; `folds_reached`, `folds`,
        `trajectories`, `trajectories_planned`; `reference`, `ratio` and `ratio_is`: exact, at most, at least,
        or empty where nothing is known of it.
    """
    found = trajectories_of(results)
    models, costs = full_data(found), (*COSTS, *[ANNOTATIONS] * annotated(found))
    rows = [
        row
        for trajectories in found.values()
        if len(trajectories.percents) > 1 and trajectories.complete.any()
        for target in _targets(trajectories, models[model_of(trajectories.family)], targets)
        for row in _rows(trajectories, target, reference, generator, costs)
    ]
    return _with_ratios(pd.DataFrame(rows), reference) if rows else pd.DataFrame()


def targets_tables(frame: pd.DataFrame, times: str = "") -> tuple[Table, ...]:
    """One table per target: families by what they need; `times` says what kind of seconds these are."""
    if frame.empty:
        return ()
    return tuple(
        _table(str(name), rows, varying(frame), times) for name, rows in frame.groupby("target", sort=False)
    )


def without_full_data(results: Results) -> tuple[str, ...]:
    """A sentence for each corpus, method and adaptation with a curve but no full-data model to reach."""
    return tuple(
        _NO_RELATIVE_TARGET.format(f"{method} on {corpus} with adaptation {adaptation}", full.reason)
        for (corpus, method, adaptation), full in full_data(trajectories_of(results)).items()
        if full.reason
    )


def _targets(trajectories: Trajectories, full: FullData, absolute: Sequence[float]) -> Iterator[_Target]:
    for score in absolute:
        yield _Target(f"UA {100 * score:g} %", dict.fromkeys(trajectories.folds, score))
    if full.by_fold:
        scores = {fold: SHARE_OF_ALL * score for fold, score in full.by_fold.items()}
        yield _Target(f"{percent(SHARE_OF_ALL, 0)} % of the full-data model", scores, full.source)


def _rows(
    trajectories: Trajectories,
    target: _Target,
    reference: str,
    generator: np.random.Generator,
    names: Sequence[str],
) -> Iterator[dict[str, Any]]:
    curves = [
        FoldCurve(costs, scores, target.by_fold[fold])
        for (fold, scores), costs in zip(trajectories.by_fold().items(), _costs(trajectories), strict=True)
    ]
    for place, (name, reached) in enumerate(zip(names, to_targets(curves, generator), strict=False)):
        yield {
            **trajectories.family._asdict(),
            "target": target.name,
            "target_score": float(np.mean([curve.target for curve in curves])),
            "target_from": target.source,
            "cost": name,
            "median": reached.cost,
            "low": reached.low,
            "high": reached.high,
            "at_least": reached.at_least,
            "high_at_least": reached.high_at_least,
            "first": float(np.median([curve.cost[place, 0] for curve in curves])),
            "last": float(np.median([curve.cost[place, -1] for curve in curves])),
            "reached": _in_a_word(reached),
            "folds_reached": reached.folds_reached,
            "folds": reached.folds,
            **trajectories.counts,
            "reference": reference,
        }


def _costs(trajectories: Trajectories) -> list[NDArray[np.float64]]:
    """What each fold has paid at each ratio, mean over seeds, shape (costs, ratios); annotations last."""
    names = ("labelled", "validation", "validation_used", "train", "charged_seconds", "annotations")
    by_name = [trajectories.by_fold(name).values() for name in names]
    costs = []
    for values in zip(*by_name, strict=True):
        labelled, validation, used, train, seconds, spent = (value.mean(axis=0) for value in values)
        checked = labelled + np.where(np.isnan(used), validation, used)
        costs.append(np.stack([labelled, checked, 100 * labelled / train, seconds, spent]))
    return costs


def _in_a_word(reached: Reached) -> str:
    if np.isinf(reached.cost):
        return "no"
    return "at once" if 2 * reached.folds_at_once >= reached.folds else "yes"


def _with_ratios(frame: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Beside each row, its cost over that of the family of the reference strategy that is otherwise alike."""
    rows = {(family_of(row), row["target"], row["cost"]): row for _, row in frame.iterrows()}
    ratios = [
        _ratio(row, rows.get((reference_of(family, reference), *rest)))
        for (family, *rest), row in rows.items()
    ]
    return frame.assign(ratio=[ratio for ratio, _ in ratios], ratio_is=[kind for _, kind in ratios])


def _ratio(row: pd.Series[Any], other: pd.Series[Any] | None) -> tuple[float, str]:
    """The ratio of two costs, and whether it is exact or a bound: a censored cost is known on one side."""
    if other is None or family_of(row) == family_of(other):
        return float("nan"), ""
    side = {"at once": -1, "yes": 0, "no": 1}
    sides = {side[row["reached"]], -side[other["reached"]]} - {0}
    known = [float(each["at_least"] if each["reached"] == "no" else each["median"]) for each in (row, other)]
    if len(sides) > 1 or np.isnan(known).any() or not known[1]:
        return float("nan"), ""
    return known[0] / known[1], {-1: "at most", 1: "at least"}[sides.pop()] if sides else "exact"


def _table(name: str, rows: pd.DataFrame, axes: list[str], times: str) -> Table:
    reference = str(rows["reference"].iloc[0])
    lines = tuple(
        _line({row["cost"]: row for _, row in of_family.iterrows()}, axes)
        for _, of_family in rows.groupby(list(Family._fields), sort=False)
    )
    note = _NOTE.format(reference=reference)
    sources = [source for source in rows["target_from"].unique() if source]
    note += f" {times}" if times else ""
    note += f" Full-data model: {' or '.join(sources)}." if sources else ""
    note += _INCOMPLETE if (rows["trajectories"] < rows["trajectories_planned"]).any() else ""
    first, others = _HEAD[:_LABELS], _HEAD[_LABELS:]
    if (rows["cost"] == ANNOTATIONS).any():
        first, note = (*first, ANNOTATIONS), note + _SPENT
    columns = (*first, *others, f"ratio to {reference}", "folds")
    return Table(f"Labels to reach {name}", columns, lines, note)


def _line(by_cost: Mapping[str, pd.Series[Any]], axes: list[str]) -> tuple[Cell, ...]:
    labels, checked, share, seconds = (by_cost[cost] for cost in COSTS)
    star = "" if labels["trajectories"] == labels["trajectories_planned"] else " *"
    return (
        Cell(label(family_of(labels), axes) + star),
        Cell(percent(labels["target_score"]), value=labels["target_score"]),
        _paid(labels, "{:.0f}".format, never="not reached ({})"),
        Cell(_interval(labels)),
        *(_paid(by_cost[cost], "{:.0f}".format) for cost in by_cost if cost == ANNOTATIONS),
        _paid(share, "{:.1f}".format),
        _paid(checked, "{:.0f}".format),
        _paid(seconds, seconds_text),
        _ratio_cell(labels),
        Cell(f"{labels['folds_reached']} of {labels['folds']}", value=float(labels["folds_reached"])),
    )


def _paid(row: pd.Series[Any], text: Any, never: str = "{}") -> Cell:
    """A cost for people; a censored one says so."""
    if np.isnan(row["median"]) or (np.isinf(row["median"]) and np.isnan(row["at_least"])):
        return Cell(NOTHING)
    if np.isinf(row["median"]):
        return Cell(never.format(f"more than {text(row['at_least'])}"), value=float("inf"))
    return Cell("≤ " * (row["reached"] == "at once") + text(row["median"]), value=float(row["median"]))


def _interval(row: pd.Series[Any]) -> str:
    if np.isnan(row["low"]) or np.isinf(row["low"]):
        return NOTHING
    above = f"more than {row['high_at_least']:.0f}" if np.isinf(row["high"]) else f"{row['high']:.0f}"
    return f"{row['low']:.0f} to {above}"


def _ratio_cell(row: pd.Series[Any]) -> Cell:
    if not row["ratio_is"]:
        return Cell(NOTHING)
    sign = {"exact": "", "at most": "≤ ", "at least": "≥ "}[row["ratio_is"]]
    return Cell(f"{sign}{row['ratio']:.2f}", value=float(row["ratio"]))
