"""Tables of a study: scores, comparisons with a reference, charged seconds; for people and as long CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import pandas as pd

from analysis._rendering import NOTHING, Cell, Table, p_text, percent, points, seconds_text
from analysis.comparisons import Comparison
from analysis.curves import sd_over_folds
from analysis.families import AXES, cells_of, families, label, percent_text, varying
from analysis.results import Results, pooled

Metric = Literal["ua", "wa"]
METRICS: tuple[Metric, ...] = ("ua", "wa")
CELL_VALUES = (
    "ua", "wa", "macro_f1", "loss", "ece", "validation_ua", "labelled", "labelled_seconds", "train",
    "validation", "test", "updates", "charged_seconds", "spent_seconds", "device_name", "threads",
    "shared_by", "conformity", "protocol",
)  # fmt: skip


def score_frame(results: Results) -> pd.DataFrame:
    """One row per planned family and ratio: mean, sd over folds and pooled UA and WA, and cell counts."""
    planned = results.cells
    rows = []
    for family in families(planned):
        finished = cells_of(results.frame, family)
        for ratio, expected in cells_of(planned, family).groupby("percent"):
            cells = finished[finished["percent"] == ratio]
            counts = {"cells": len(cells), "planned": len(expected)}
            rows.append({**family._asdict(), "percent": ratio, **counts, **_scores(cells)})
    return pd.DataFrame(rows)


def score_table(results: Results, metric: Metric) -> Table:
    """Families by ratios: mean ± sd over folds of the seed means, pooled over all test utterances beside.

    With one speaker per fold the pooled score leads, because a single clip moves a fold's UA by points.
    """
    scores = score_frame(results)
    lead = "pooled" if leaves_one_speaker_out(results.frame) else "mean"
    column = scores.groupby(["corpus", "percent"])[f"{metric}_{lead}"]
    best, worst = column.transform("max"), column.transform("min")
    scores["best"] = ((scores[f"{metric}_{lead}"] - best).abs() < 1e-12) & (best - worst > 1e-12)
    note = (
        "In percent. Mean ± standard deviation over folds of the mean over seeds; in brackets pooled over "
        "all test utterances. Best of a corpus in each column bold."
    )
    if lead == "pooled":
        note = (
            "In percent. Pooled over all test utterances (it leads: every fold has one speaker); in "
            "brackets mean ± standard deviation over folds of the seed means. "
            "Best of a corpus in each column bold."
        )
    if not results.complete:
        note += " * some cells are missing: not comparable with its column."
    render = _score_cell(metric, lead)
    return _by_ratio(f"{metric.upper()} by labelled share of train", scores, render, note)


def leaves_one_speaker_out(frame: pd.DataFrame) -> bool:
    """Whether every test fold has a single speaker."""
    speakers = frame["test_speakers"] if "test_speakers" in frame else pd.Series(dtype=object)
    return len(speakers) > 0 and all(isinstance(names, list) and len(names) == 1 for names in speakers)


def seconds_frame(results: Results) -> pd.DataFrame:
    """One row per family and ratio: mean charged and spent seconds of a cell, and who shared the device."""
    frame, rows = results.frame, []
    for family in families(frame):
        for ratio, cells in cells_of(frame, family).groupby("percent"):
            rows.append(
                {
                    **family._asdict(),
                    "percent": ratio,
                    "charged_seconds": cells["charged_seconds"].mean(),
                    "spent_seconds": cells["spent_seconds"].mean(),
                    "cells": len(cells),
                    "shared_by_most": cells["shared_by"].max(),
                }
            )
    return pd.DataFrame(rows)


def seconds_table(results: Results) -> Table:
    """Families by ratios: mean charged time of one cell."""
    note = "Mean over folds and seeds of the time of a cell's whole chain as if run alone. " + sharing(
        results.frame
    )
    return _by_ratio(
        "Charged time by labelled share of train",
        seconds_frame(results),
        lambda row: Cell(seconds_text(row["charged_seconds"])),
        note,
    )


def sharing(frame: pd.DataFrame) -> str:
    """What kind of times these are: a sentence that stands beside each of them."""
    most = frame["shared_by"].max()
    if pd.notna(most) and most <= 1:
        return "Each trial had its device for itself."
    return (
        "Trials shared their devices, so these times are no benchmark; run with exclusive resources for one."
    )


def comparison_frame(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """One row per comparison with every figure of every test, scores and differences as shares."""
    return pd.DataFrame([_comparison_row(comparison) for comparison in comparisons])


def comparison_table(comparisons: Sequence[Comparison], title: str) -> Table:
    """The primary evidence for each comparison, and the paper's own test under its right name."""
    axes = varying(pd.DataFrame([c.candidate for c in comparisons], columns=list(AXES)))
    columns = (
        "candidate", "labelled", "difference", "95 % interval", "p quasi-F", "p Nadeau-Bengio", "verdict",
        "detectable", "p over seeds (conditional)",
    )  # fmt: skip
    rows = tuple(_comparison_cells(comparison, axes) for comparison in comparisons)
    note = (
        "Differences of UA in percentage points, candidate minus reference. Interval: crossed folds × seeds, "
        "not corrected. Both p-values are Holm-corrected over this table; better or worse needs both below "
        ".05. Detectable: the true difference that both tests would find with 80 % power, uncorrected. "
        "p over seeds: the paired t-test of the paper, conditional on these speakers and not corrected; it "
        "is no evidence about other speakers."
    )
    return Table(title, columns, rows, note)


def terminal_table(results: Results, metric: Metric = "ua") -> list[dict[str, str]]:
    """UA at each ratio per family, as plain rows for a terminal; the keys are the column headings."""
    table = score_table(results, metric)
    return [
        {column: cell.text for column, cell in zip(table.columns, row, strict=True)} for row in table.rows
    ]


def cells_frame(results: Results) -> pd.DataFrame:
    """Every planned cell with its figures; `status` is finished, failed or missing."""
    known = [name for name in CELL_VALUES if name in results.frame]
    finished = results.frame[[*AXES, "percent", "size", "fold", "seed", *known, "key"]].assign(
        status="finished"
    )
    missing = results.missing[[*AXES, "percent", "size", "fold", "seed", "key", "failure"]]
    status = missing["failure"].map(lambda sentence: "failed" if sentence else "missing")
    return pd.concat([finished, missing.assign(status=status)], ignore_index=True)


def _scores(cells: pd.DataFrame) -> dict[str, float]:
    if cells.empty:
        return {}
    row = {"labelled": cells["labelled"].mean(), "validation": cells["validation"].mean()}
    for metric in METRICS:
        by_fold = [scores.to_numpy(float) for _, scores in cells.groupby("fold")[metric]]
        row[f"{metric}_mean"] = sum(scores.mean() for scores in by_fold) / len(by_fold)
        row[f"{metric}_sd"] = sd_over_folds(by_fold)
        row[f"{metric}_pooled"] = pooled(cells, metric)
    return row


def _by_ratio(title: str, rows: pd.DataFrame, render: Callable[[Any], Cell], note: str) -> Table:
    """A table with one row per family and one column per ratio."""
    axes = varying(rows)
    ratios = sorted(rows["percent"].unique())
    lines = []
    for family in families(rows):
        found = {row["percent"]: render(row) for _, row in cells_of(rows, family).iterrows()}
        lines.append((Cell(label(family, axes)), *(found.get(ratio, Cell(NOTHING)) for ratio in ratios)))
    return Table(title, ("", *map(percent_text, ratios)), tuple(lines), note)


def _score_cell(metric: Metric, lead: str) -> Callable[[Any], Cell]:
    def render(row: Any) -> Cell:
        if not row["cells"]:
            return Cell(NOTHING)
        mean = percent(row[f"{metric}_mean"])
        if not pd.isna(row[f"{metric}_sd"]):
            mean += f" ± {percent(row[f'{metric}_sd'])}"
        together = percent(row[f"{metric}_pooled"])
        text = f"{mean} ({together})" if lead == "mean" else f"{together} ({mean})"
        whole = row["cells"] == row["planned"]
        return Cell(text if whole else f"{text} *", bold=bool(row["best"]) and whole)

    return render


def _comparison_cells(comparison: Comparison, axes: list[str]) -> tuple[Cell, ...]:
    claim = comparison.claim
    name = f"{label(comparison.candidate, axes)}, {percent_text(comparison.percent)}"
    if claim.crossed is None:
        return (Cell(name), Cell(f"{comparison.labelled:.0f}"), *[Cell(NOTHING)] * 4, _verdict(comparison),
                *[Cell(NOTHING)] * 2)  # fmt: skip
    interval = claim.crossed.interval
    seeds = next((other.p for other in comparison.others if other.name == "t on seed means"), None)
    return (
        Cell(name),
        Cell(f"{comparison.labelled:.0f}"),
        Cell(points(claim.crossed.estimate)),
        Cell(NOTHING if interval is None else f"{points(interval[0])} to {points(interval[1])}"),
        Cell(p_text(claim.crossed_holm)),
        Cell(p_text(claim.corrected_holm)),
        _verdict(comparison),
        Cell(NOTHING if claim.detectable is None else percent(claim.detectable)),
        Cell(p_text(seeds)),
    )


def _verdict(comparison: Comparison) -> Cell:
    claim = comparison.claim
    text = f"not tested: {claim.reason}" if claim.verdict == "not tested" else claim.verdict
    return Cell(text, bold=claim.verdict in ("better", "worse"))


def _comparison_row(comparison: Comparison) -> dict[str, Any]:
    claim = comparison.claim
    row: dict[str, Any] = {
        "axis": comparison.axis,
        **comparison.candidate._asdict(),
        "reference": getattr(comparison.reference, comparison.axis),
        "percent": comparison.percent,
        "labelled": comparison.labelled,
        "difference": None if claim.crossed is None else claim.crossed.estimate,
        "verdict": claim.verdict,
        "detectable": claim.detectable,
        "p_quasi_f_holm": claim.crossed_holm,
        "p_nadeau_bengio_holm": claim.corrected_holm,
        "reason": claim.reason,
    }
    short = {"t on seed means": "seed_means_conditional", "t on all runs": "all_runs_conditional"}
    for outcome in (claim.crossed, claim.corrected, *comparison.others):
        if outcome is not None:
            name = short.get(outcome.name, outcome.name.replace(" ", "_").replace("-", "_").lower())
            low, high = outcome.interval or (None, None)
            figures = {
                "statistic": outcome.statistic,
                "df": outcome.df,
                "p": outcome.p,
                "low": low,
                "high": high,
            }
            row |= {f"{name}.{figure}": value for figure, value in figures.items()}
    return row
