"""The composition of labelled sets for people, at one ratio."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis._rendering import NOTHING, Cell, Table, percent, points
from analysis.families import by_family, label, percent_text, varying
from analysis.measures._text import figure
from analysis.measures.composition import NAMED, Composition
from analysis.ratios import few_labels

_NOTE = (
    "Off train: half the sum of the absolute differences between the shares of the labelled set and those "
    "of all of train, in percent: as much of the set would have to be others. Small sets are off by chance, "
    "so compare with random picks of the same size. Most favoured: the group whose share is furthest above "
    "that in train, with its share in percent and the difference in points{unknown}. Largest: share of the "
    "speaker with most labelled utterances, mean over folds and seeds. Length: mean seconds of a labelled "
    "clip, and over that of train. All ratios are in composition.csv, all groups in composition_shares.csv."
)
_UNKNOWN = "; where nobody knows what train is made of, simply the largest"


def composition_table(found: Composition) -> Table | None:
    """Families at the ratio spoken of first; None where no record counts its labelled set."""
    if found.summary.empty:
        return None
    ratio = few_labels(found.summary["percent"])
    summary = found.summary[found.summary["percent"] == ratio]
    shares = found.shares[found.shares["percent"] == ratio]
    kinds = [kind for kind in NAMED if shares.loc[shares["by"] == kind, "group"].nunique() > 1]
    axes = varying(found.summary)
    by_group = by_family(shares)
    rows = tuple(
        (Cell(label(family, axes)), *_cells(rows, by_group[family], kinds))
        for family, rows in by_family(summary).items()
    )
    columns = (
        "", "labelled", *(name for kind in kinds for name in (f"{kind}: off train", f"most favoured {kind}")),
        "speaker: off train", "largest", "length", "of train",
    )  # fmt: skip
    unknown = _UNKNOWN if shares["train_share"].isna().any() else ""
    title = f"What was labelled at {percent_text(ratio)} of train"
    return Table(title, columns, rows, _NOTE.format(unknown=unknown))


def _cells(summary: pd.DataFrame, shares: pd.DataFrame, kinds: list[str]) -> tuple[Cell, ...]:
    by_kind: dict[str, Any] = {row["by"]: row for _, row in summary.iterrows()}
    speaker = by_kind["speaker"]
    named = [
        cell
        for kind in kinds
        for cell in (figure(by_kind[kind]["distance"], percent), _favoured(shares[shares["by"] == kind]))
    ]
    return (
        figure(speaker["labelled"], "{:.0f}".format),
        *named,
        figure(speaker["distance"], percent),
        figure(speaker["largest_share"], percent),
        figure(speaker["seconds_per_clip"], "{:.2f} s".format),
        figure(speaker["seconds_ratio"], "× {:.2f}".format),
    )


def _favoured(shares: pd.DataFrame) -> Cell:
    """The group that is most above its share of train, or else the largest."""
    if shares.empty:
        return Cell(NOTHING)
    known = not np.isnan(shares["excess"]).any()
    column = "excess" if known else "share"
    row = max((row for _, row in shares.iterrows()), key=lambda row: row[column])
    excess = f" ({points(row['excess'])})" if known else ""
    return Cell(f"{row['group']} {percent(row['share'])}{excess}", value=float(row["share"]))
