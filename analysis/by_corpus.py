"""UA of each tested corpus apart: in a merged corpus a good mean may hide one on which a model fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis._rendering import NOTHING, Cell, Table, percent
from analysis.curves import sd_over_folds
from analysis.families import Family, cells_of, families, label, percent_text, varying
from analysis.results import Results

_NOTE = (
    "In percent. Mean ± standard deviation over folds of the mean over seeds; folds in which a corpus has no "
    "test utterance are left out of its mean, and the number of those that are in it is given. UA is over "
    "the classes that a corpus has, so that its chance level may be another than that of its neighbours. "
    "“worst”: the lowest of the corpora of one model."
)


def by_corpus_frame(results: Results) -> pd.DataFrame:
    """One row per family, ratio and tested corpus, where a family is tested on several; else no row.

    Returns:
        The axes of the family, percent, `test_corpus`, `ua_mean` and `ua_sd` (over folds of the seed means),
        `folds` with test utterances of that corpus, `folds_planned`, `cells` and `planned`, and whether the
        corpus is the `worst` of its family and ratio. Means are NaN where no cell is finished.
    """
    rows = []
    planned = results.cells
    for family in families(planned):
        tested = _tested_corpora(results.frame[results.frame["corpus"] == family.corpus])
        if len(tested) > 1:
            rows += list(_of_family(family, cells_of(planned, family), results.frame, tested))
    return _with_worst(pd.DataFrame(rows)) if rows else pd.DataFrame()


def by_corpus_table(results: Results) -> Table | None:
    """Families and tested corpora by ratios; None where every family is tested on a single corpus."""
    rows = by_corpus_frame(results)
    if rows.empty:
        return None
    missing = (rows["cells"] < rows["planned"]).any()
    note = f"{_NOTE} * some cells are missing: not comparable with its column." if missing else _NOTE
    ratios = sorted(rows["percent"].unique())
    lines = tuple(_lines(rows, ratios, varying(results.cells)))
    title = "UA of each tested corpus by labelled share of train"
    return Table(title, ("", *map(percent_text, ratios)), lines, note)


def _lines(rows: pd.DataFrame, ratios: list[float], axes: list[str]) -> Iterator[tuple[Cell, ...]]:
    for family in families(rows):
        for name, of_corpus in cells_of(rows, family).groupby("test_corpus", sort=False):
            found = {row["percent"]: _cell(row) for _, row in of_corpus.iterrows()}
            cells = (found.get(ratio, Cell(NOTHING)) for ratio in ratios)
            yield Cell(f"{label(family, axes)}: {name}"), *cells


def _tested_corpora(cells: pd.DataFrame) -> list[str]:
    """Names of the corpora that any of these cells was tested on; records of earlier versions name none."""
    return sorted({name for scores in cells["ua_by_corpus"].dropna() for name in scores})


def _of_family(
    family: Family, planned: pd.DataFrame, frame: pd.DataFrame, tested: list[str]
) -> Iterator[dict[str, Any]]:
    finished = cells_of(frame, family).dropna(subset=["ua_by_corpus"])
    for ratio, expected in planned.groupby("percent"):
        cells = finished[finished["percent"] == ratio]
        counts = {
            "folds_planned": expected["fold"].nunique(),
            "cells": len(cells),
            "planned": len(expected),
        }
        for name in tested:
            yield {
                **family._asdict(),
                "percent": ratio,
                "test_corpus": name,
                **_scores(cells, name),
                **counts,
            }


def _scores(cells: pd.DataFrame, name: str) -> dict[str, float]:
    """Mean and sd over the folds in which the corpus is tested."""
    tested = cells.assign(own=[scores.get(name) for scores in cells["ua_by_corpus"]]).dropna(subset=["own"])
    by_fold = [scores.to_numpy(float) for _, scores in tested.groupby("fold")["own"]]
    if not by_fold:
        return {"ua_mean": float("nan"), "ua_sd": float("nan"), "folds": 0}
    mean = sum(scores.mean() for scores in by_fold) / len(by_fold)
    return {"ua_mean": mean, "ua_sd": sd_over_folds(by_fold), "folds": len(by_fold)}


def _with_worst(rows: pd.DataFrame) -> pd.DataFrame:
    """Mark the lowest corpus of each family and ratio, unless all are equal."""
    of_model = rows.groupby([*Family._fields, "percent"])["ua_mean"]
    low, high = of_model.transform("min"), of_model.transform("max")
    return rows.assign(worst=(rows["ua_mean"] - low < 1e-12) & (high - low > 1e-12))


def _cell(row: Any) -> Cell:
    if not row["folds"]:
        return Cell(NOTHING)
    spread = "" if pd.isna(row["ua_sd"]) else f" ± {percent(row['ua_sd'])}"
    marks = f"{_folds(row['folds'], row['folds_planned'])}{', worst' if row['worst'] else ''}"
    star = " *" if row["cells"] < row["planned"] else ""
    return Cell(f"{percent(row['ua_mean'])}{spread} ({marks}){star}")


def _folds(tested: int, planned: int) -> str:
    noun = "fold" if planned == 1 else "folds"
    return f"{planned} {noun}" if tested == planned else f"{tested} of {planned} {noun}"
