"""UA of groups of test utterances: a mean may hide a corpus, gender or speaker on which a model fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis._rendering import NOTHING, Cell, Table, percent
from analysis.families import AXES, Family, by_family, cells_of, families, label, percent_text, varying
from analysis.measures._text import figure
from analysis.ratios import few_labels
from analysis.results import Results

By = Literal["gender", "speaker", "corpus"]
BY: tuple[By, ...] = ("gender", "speaker", "corpus")
_ROW = [*AXES, "percent"]
_COUNTS = ["folds_planned", "cells", "planned"]

_NOTE = (
    "In percent. Mean ± standard deviation over folds of the mean over seeds; folds in which a corpus has "
    "no test utterance are left out of its mean, and the number of those that are in it is given. UA is "
    "over the classes that a corpus has, so that its chance level may be another than that of its "
    "neighbours. “worst”: the lowest of the corpora of one model."
)
_GAPS_NOTE = (
    "In percent, with the number of test utterances of the worst group in brackets. Mean over folds of the "
    "mean over seeds, over the classes that a group has. Gap: best less worst group, in points. The worst "
    "of many small groups is low by chance alone, so a gap between speakers is larger than one between "
    "genders even where a model treats all alike. All groups and ratios are in groups.csv."
)
_INCOMPLETE = " * some cells are missing: not comparable with its column."


def groups_frame(results: Results, by: By) -> pd.DataFrame:
    """One row per family, ratio and group of test utterances, where a corpus has several; else no row.

    Returns:
        The axes of the family, percent, `group`, `ua_mean` and `ua_sd` (over folds of the seed means),
        `utterances` (of the group in all its folds; NaN where records do not say), `folds` with test
        utterances of that group, `folds_planned`, `cells` and `planned`, and whether the group is the `worst`
        of its family and ratio. Means are NaN where no cell is finished.
    """
    scored = _scored(results.frame, by)
    tested = {
        str(corpus): sorted(names)
        for corpus, names in scored.groupby("corpus")["group"].unique().items()
        if len(names) > 1
    }
    planned = _planned(results, scored)
    planned = planned[planned["corpus"].isin(tested)]
    if planned.empty:
        return pd.DataFrame()
    rows = planned.assign(group=planned["corpus"].map(tested)).explode("group", ignore_index=True)
    rows = rows.merge(_over_folds(scored), on=[*_ROW, "group"], how="left")
    rows["folds"] = rows["folds"].fillna(0).astype(int)
    return _with_worst(rows[[*_ROW, "group", "ua_mean", "ua_sd", "utterances", "folds", *_COUNTS]])


def gaps_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """From `groups_frame`: per family and ratio the `worst` and `best` group, their UA and the `gap`."""
    if frame.empty:
        return frame
    known = frame.dropna(subset=["ua_mean"])
    of_model = known.groupby(_ROW, sort=False)["ua_mean"]
    low, high = known.loc[of_model.idxmin()], known.loc[of_model.idxmax()]
    rows = low[[*_ROW, "group", "ua_mean", "utterances", "cells", "planned"]].reset_index(drop=True)
    rows = rows.rename(columns={"group": "worst", "ua_mean": "worst_ua"})
    rows = rows.assign(best=high["group"].to_numpy(), best_ua=high["ua_mean"].to_numpy())
    return rows.assign(gap=rows["best_ua"] - rows["worst_ua"], groups=of_model.size().to_numpy())


def gaps_table(gaps: dict[By, pd.DataFrame]) -> Table | None:
    """Families by the worst group of each kind and its gap to the best, at the ratio spoken of first."""
    found = {by: frame for by, frame in gaps.items() if not frame.empty}
    if not found:
        return None
    everything = pd.concat(found.values())
    ratio, axes = few_labels(everything["percent"]), varying(everything)
    shown = {by: frame[frame["percent"] == ratio] for by, frame in found.items()}
    by_families = [by_family(frame) for frame in shown.values()]
    rows = tuple(
        (Cell(label(family, axes)), *(cell for known in by_families for cell in _gap(known.get(family))))
        for family in families(everything)
    )
    incomplete = any((frame["cells"] < frame["planned"]).any() for frame in shown.values())
    columns = ("", *(name for by in shown for name in (f"worst {by}", f"gap of {by}s")))
    title = f"The worst group of test utterances at {percent_text(ratio)} of train"
    return Table(title, columns, rows, _GAPS_NOTE + _INCOMPLETE * incomplete)


def by_corpus_frame(results: Results) -> pd.DataFrame:
    """As `groups_frame` for tested corpora, which are named in `test_corpus`."""
    return groups_frame(results, "corpus").rename(columns={"group": "test_corpus"})


def by_corpus_table(results: Results) -> Table | None:
    """Families and tested corpora by ratios; None where every family is tested on a single corpus."""
    rows = by_corpus_frame(results)
    if rows.empty:
        return None
    note = _NOTE + _INCOMPLETE * bool((rows["cells"] < rows["planned"]).any())
    ratios = sorted(rows["percent"].unique())
    lines = tuple(_lines(rows, ratios, varying(results.cells)))
    title = "UA of each tested corpus by labelled share of train"
    return Table(title, ("", *map(percent_text, ratios)), lines, note)


def _scored(frame: pd.DataFrame, by: By) -> pd.DataFrame:
    """One row per finished cell and group: its UA and its test utterances, as the record has them."""
    if by == "corpus":  # the first kind that records had, under a name of its own
        scores = [scores or {} for scores in _column(frame, "ua_by_corpus")]
    else:
        scores = [_of_record(said, by) for said in _column(frame, "ua_by")]
    counts = [_of_record(said, by) for said in _column(frame, "test_by")]
    place = np.repeat(np.arange(len(frame)), [len(of_cell) for of_cell in scores])
    return (
        frame[[*_ROW, "fold", "seed"]]
        .iloc[place]
        .assign(
            group=[name for of_cell in scores for name in of_cell],
            ua=np.array([score for of_cell in scores for score in of_cell.values()], dtype=np.float64),
            utterances=np.array(
                [
                    counted.get(name, float("nan"))
                    for of_cell, counted in zip(scores, counts, strict=True)
                    for name in of_cell
                ],
                dtype=np.float64,
            ),
        )
        .reset_index(drop=True)
    )


def _column(frame: pd.DataFrame, name: str) -> list[dict[str, Any] | None]:
    """What records say under a name; nothing where they are of an earlier version."""
    values = frame[name].tolist() if name in frame else [None] * len(frame)
    return [value if isinstance(value, dict) else None for value in values]


def _of_record(said: dict[str, Any] | None, by: By) -> dict[str, float]:
    return (said or {}).get(by) or {}


def _planned(results: Results, scored: pd.DataFrame) -> pd.DataFrame:
    """Planned families and ratios with their cells, and how many of these are scored by group."""
    planned = results.cells.groupby(_ROW, sort=False).agg(
        folds_planned=("fold", "nunique"), planned=("fold", "size")
    )
    cells = scored.drop_duplicates([*_ROW, "fold", "seed"]).groupby(_ROW).size().rename("cells")
    joined = planned.join(cells).reset_index()
    order = {family: place for place, family in enumerate(families(results.cells))}
    place = [order[Family(*map(str, row))] for row in joined[list(AXES)].itertuples(index=False)]
    joined = joined.assign(place=place, cells=joined["cells"].fillna(0).astype(int))
    return joined.sort_values(["place", "percent"], kind="stable").drop(columns="place")


def _over_folds(scored: pd.DataFrame) -> pd.DataFrame:
    """Mean and sd over the folds in which a group is tested, of its means over seeds."""
    of_folds = scored.groupby([*_ROW, "group", "fold"])[["ua", "utterances"]].mean()
    found = of_folds.groupby(level=[*_ROW, "group"]).agg(
        ua_mean=("ua", "mean"), ua_sd=("ua", "std"), folds=("ua", "size")
    )
    utterances = of_folds["utterances"].groupby(level=[*_ROW, "group"]).sum(min_count=1)
    return found.assign(utterances=utterances).reset_index()


def _with_worst(rows: pd.DataFrame) -> pd.DataFrame:
    """Mark the lowest group of each family and ratio, unless all are equal."""
    of_model = rows.groupby(_ROW)["ua_mean"]
    low, high = of_model.transform("min"), of_model.transform("max")
    return rows.assign(worst=(rows["ua_mean"] - low < 1e-12) & (high - low > 1e-12))


def _lines(rows: pd.DataFrame, ratios: list[float], axes: list[str]) -> Iterator[tuple[Cell, ...]]:
    for family in families(rows):
        for name, of_corpus in cells_of(rows, family).groupby("test_corpus", sort=False):
            found = {row["percent"]: _cell(row) for _, row in of_corpus.iterrows()}
            cells = (found.get(ratio, Cell(NOTHING)) for ratio in ratios)
            yield Cell(f"{label(family, axes)}: {name}"), *cells


def _cell(row: Any) -> Cell:
    if not row["folds"]:
        return Cell(NOTHING)
    spread = "" if pd.isna(row["ua_sd"]) else f" ± {percent(row['ua_sd'])}"
    marks = f"{_folds(row['folds'], row['folds_planned'])}{', worst' if row['worst'] else ''}"
    star = " *" if row["cells"] < row["planned"] else ""
    return Cell(f"{percent(row['ua_mean'])}{spread} ({marks}){star}", value=float(row["ua_mean"]))


def _folds(tested: int, planned: int) -> str:
    noun = "fold" if planned == 1 else "folds"
    return f"{planned} {noun}" if tested == planned else f"{tested} of {planned} {noun}"


def _gap(rows: pd.DataFrame | None) -> tuple[Cell, Cell]:
    if rows is None:
        return Cell(NOTHING), Cell(NOTHING)
    row = rows.iloc[0]
    star = " *" if row["cells"] < row["planned"] else ""
    counted = "" if pd.isna(row["utterances"]) else f" ({row['utterances']:.0f})"
    name = row["worst"] or "not known"
    worst = Cell(f"{name} {percent(row['worst_ua'])}{counted}{star}", value=float(row["worst_ua"]))
    return worst, figure(row["gap"], percent)
