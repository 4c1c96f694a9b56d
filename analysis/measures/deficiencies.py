"""Deficiency of every strategy against the reference strategy, on the mean curves."""

from __future__ import annotations

import pandas as pd

from analysis._rendering import Cell, Table
from analysis.curves import deficiency
from analysis.families import label, varying
from analysis.measures._text import family_of, figure
from analysis.measures.trajectories import Trajectories, reference_of, trajectories_of
from analysis.results import Results

_NOTE = (
    "What a curve misses to the final UA of {reference}, over what {reference} itself misses (Baram et al. "
    "2004); below 1 is better than {reference}. By sum: over the ratios, as published. By area: trapezoids "
    "on the linear axis; the two are different numbers. Both depend on the ratios and on where {reference} "
    "ends, and are not tested. A dash: curves over other ratios or with missing cells, or a reference that "
    "misses nothing."
)


def deficiencies_frame(results: Results, reference: str) -> pd.DataFrame:
    """One row per family that has one of the reference strategy beside it, all else alike.

    Returns:
        The axes of the family, `reference`, `by_sum` and `by_area` (the two kinds of `curves.deficiency`),
        `trajectories` and `trajectories_planned`. NaN where a trajectory of either lacks a cell, or their
        ratios differ.
    """
    found = trajectories_of(results)
    return pd.DataFrame(
        [
            {**family._asdict(), "reference": reference, **_both(trajectories, other), **trajectories.counts}
            for family, trajectories in found.items()
            if family.strategy != reference
            and len(trajectories.percents) > 1
            and (other := found.get(reference_of(family, reference))) is not None
        ]
    )


def deficiencies_table(frame: pd.DataFrame) -> Table | None:
    """Families by the two kinds; None where there is nothing to compare."""
    if frame.empty:
        return None
    reference, axes = str(frame["reference"].iloc[0]), ["strategy", *varying(frame)]
    rows = tuple(
        (
            Cell(label(family_of(row), axes)),
            figure(row["by_sum"], "{:.3f}".format),
            figure(row["by_area"], "{:.3f}".format),
        )
        for _, row in frame.iterrows()
    )
    columns = ("", "by sum over ratios", "by area (linear axis)")
    return Table(f"Deficiency against {reference}", columns, rows, _NOTE.format(reference=reference))


def _both(trajectories: Trajectories, other: Trajectories) -> dict[str, float]:
    if trajectories.percents != other.percents or not (trajectories.whole and other.whole):
        return {"by_sum": float("nan"), "by_area": float("nan")}
    scores, expected = trajectories.curve().tolist(), other.curve().tolist()
    return {
        "by_sum": deficiency(scores, expected),
        "by_area": deficiency(scores, expected, trajectories.percents, "area"),
    }
