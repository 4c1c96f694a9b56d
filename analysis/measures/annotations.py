"""What annotators cost: annotations spent at each ratio, and the scores of equal numbers of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis._rendering import NOTHING, Cell, Table, percent
from analysis.families import annotated, by_family, label, percent_text, varying
from analysis.measures._text import figure
from analysis.measures.trajectories import trajectories_of
from analysis.results import Results

_SPENT_NOTE = (
    "Annotations that were asked for up to each ratio, mean over folds of the mean over seeds: one per "
    "utterance for the corpus' own labels, every annotator asked for majorities and soft labels."
)
_EQUAL_NOTE = (
    "In percent, of mean curves, linear between ratios; columns are what the row with the fewest annotations "
    "per utterance spends at its ratios. A dash: the curve begins with more annotations, or ends with fewer."
)
_INCOMPLETE = " * trajectories with missing cells are left out."


def annotations_frame(results: Results) -> pd.DataFrame:
    """One row per family and ratio of a study in which somebody else than the corpus annotates.

    Returns:
        The axes of the family, percent; `labelled`, `annotations` and `ua`, means over folds of the mean over
        seeds of the complete trajectories; `trajectories`, `trajectories_planned`. Empty for other studies,
        in which every label is one annotation.
    """
    found = trajectories_of(results)
    if not annotated(found):
        return pd.DataFrame()
    return pd.DataFrame(
        {
            **family._asdict(),
            "percent": ratio,
            "labelled": labelled,
            "annotations": spent,
            "ua": score,
            **trajectories.counts,
        }
        for family, trajectories in found.items()
        if trajectories.complete.any()
        for ratio, labelled, spent, score in zip(
            trajectories.percents,
            trajectories.curve("labelled"),
            trajectories.curve("annotations"),
            trajectories.curve(),
            strict=True,
        )
    )


def annotations_tables(frame: pd.DataFrame) -> tuple[Table, ...]:
    """Families by the annotations of each ratio; and, for each corpus, by their UA at equal annotations."""
    if frame.empty:
        return ()
    axes = varying(frame)
    several = frame["corpus"].nunique() > 1
    equal = (
        _equal_table(rows, axes, f", {corpus}" if several else "")
        for corpus, rows in frame.groupby("corpus", sort=False)
    )
    return (_spent_table(frame, axes), *equal)


def _spent_table(frame: pd.DataFrame, axes: list[str]) -> Table:
    ratios = sorted(frame["percent"].unique())
    lines = []
    for rows in by_family(frame).values():
        spent = dict(zip(rows["percent"], rows["annotations"], strict=True))
        lines.append((_name(rows, axes), *(figure(spent.get(ratio), "{:.0f}".format) for ratio in ratios)))
    note = _SPENT_NOTE + _incomplete(frame)
    return Table(
        "Annotations by labelled share of train", ("", *map(percent_text, ratios)), tuple(lines), note
    )


def _equal_table(frame: pd.DataFrame, axes: list[str], where: str) -> Table:
    """Families by their UA at what the cheapest of them spends at its ratios."""
    curves = by_family(frame).values()
    cheapest = min(curves, key=lambda rows: float((rows["annotations"] / rows["labelled"]).mean()))
    budgets = sorted(cheapest["annotations"].unique())
    lines = tuple((_name(rows, axes), *(_at(rows, budget) for budget in budgets)) for rows in curves)
    columns = ("", *(f"{budget:.0f}" for budget in budgets))
    return Table(f"UA by annotations spent{where}", columns, lines, _EQUAL_NOTE + _incomplete(frame))


def _at(rows: pd.DataFrame, budget: float) -> Cell:
    """The score of a curve where it has spent that much."""
    spent, scores = rows["annotations"].to_numpy(float), rows["ua"].to_numpy(float)
    slack = 1e-9 * budget  # of a mean that has rounded
    if not spent[0] - slack <= budget <= spent[-1] + slack:
        return Cell(NOTHING)
    return figure(float(np.interp(budget, spent, scores)), percent)


def _name(rows: pd.DataFrame, axes: list[str]) -> Cell:
    first: Any = rows.iloc[0]
    whole = first["trajectories"] == first["trajectories_planned"]
    (family,) = by_family(rows)
    return Cell(label(family, axes) + ("" if whole else " *"))


def _incomplete(frame: pd.DataFrame) -> str:
    return _INCOMPLETE if (frame["trajectories"] < frame["trajectories_planned"]).any() else ""
