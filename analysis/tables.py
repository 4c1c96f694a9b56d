"""Tables of a study: scores, comparisons with a reference, charged seconds; for people and as long CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Literal

import pandas as pd

from analysis._rendering import NOTHING, Cell, Table, p_text, percent, points, seconds_text
from analysis.comparisons import Comparison
from analysis.curves import sd_over_folds
from analysis.devices import unlike_in_words
from analysis.families import (
    AXES,
    by_family,
    by_family_and_percent,
    label,
    percent_text,
    varying,
)
from analysis.results import Results, pooled
from analysis.significance import Outcome, Posterior, power_at
from analysis.undisturbed import undisturbed

Metric = Literal["ua", "wa"]
METRICS: tuple[Metric, ...] = ("ua", "wa")
CELL_VALUES = (
    "ua", "wa", "macro_f1", "loss", "ece", "validation_ua", "labelled", "labelled_seconds", "annotations",
    "wrong", "wrong_acquired", "train", "validation", "test", "updates", "charged_seconds", "spent_seconds",
    "device_name", "threads", "shared_by", "conformity", "protocol",
)  # fmt: skip


COMPARED = (
    "candidate", "labelled", "difference", "95 % interval", "p quasi-F", "p Nadeau-Bengio", "verdict",
    "detectable", "dz", "worse / equal / better (%)", "p over seeds (conditional)",
)  # fmt: skip
COMPARED_NOTE = (
    "Differences of {metric} in percentage points, candidate minus reference. Interval: crossed folds × "
    "seeds, not corrected. Both p-values are Holm-corrected over this table; better or worse needs both "
    "below .05. Detectable: the true difference that both tests would find with 80 % power, uncorrected. "
    "dz: mean over standard deviation of the paired differences. Worse / equal / better: posterior "
    "probabilities of a Bayesian correlated t-test; equal is within {margin} points. p over seeds: the "
    "paired t-test of the paper, conditional on these speakers and not corrected; it is no evidence about "
    "other speakers."
)
_SHORT = {
    "t on seed means": "seed_means_conditional",
    "Welch t on seed means": "welch_conditional",
    "t on all runs": "all_runs_conditional",
}


def score_frame(results: Results) -> pd.DataFrame:
    """One row per planned family and ratio: mean, sd over folds and pooled UA and WA, and cell counts."""
    finished = by_family_and_percent(results.frame)
    rows = []
    for (family, ratio), expected in by_family_and_percent(results.cells).items():
        cells = finished.get((family, ratio), results.frame.iloc[:0])
        counts = {"cells": len(cells), "planned": len(expected)}
        rows.append({**family._asdict(), "percent": ratio, **counts, **_scores(cells)})
    return pd.DataFrame(rows)


def score_table(results: Results, metric: Metric, scores: pd.DataFrame | None = None) -> Table:
    """Families by ratios: mean ± sd over folds of the seed means, pooled over all test utterances beside.

    With one speaker per fold the pooled score leads, because a single clip moves a fold's UA by points.
    `scores`: what `score_frame` gives, where it is at hand.
    """
    scores = score_frame(results) if scores is None else scores.copy()
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
    return pd.DataFrame(
        {
            **family._asdict(),
            "percent": ratio,
            "charged_seconds": cells["charged_seconds"].mean(),
            "spent_seconds": cells["spent_seconds"].mean(),
            "cells": len(cells),
            "shared_by_most": cells["shared_by"].max(),
        }
        for (family, ratio), cells in by_family_and_percent(results.frame).items()
    )


def seconds_table(results: Results) -> Table:
    """Families by ratios: mean charged time of one cell."""
    note = "Mean over folds and seeds of the time of a cell's whole chain as if run alone. " + sharing(
        results.frame
    )
    return _by_ratio(
        "Charged time by labelled share of train",
        seconds_frame(results),
        lambda row: Cell(seconds_text(row["charged_seconds"]), value=float(row["charged_seconds"])),
        note,
    )


def sharing(frame: pd.DataFrame) -> str:
    """What kind of times these are: a sentence that stands beside each of them."""
    if undisturbed(frame).all():
        return "Each trial had its device for itself and was not resumed."
    return (
        "Trials shared their devices, were resumed, or do not say so: these times are no benchmark; run with "
        "exclusive resources for one."
    )


def comparison_frame(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """One row per comparison with every figure of every test, scores and differences as shares."""
    return pd.DataFrame([_comparison_row(comparison) for comparison in comparisons])


def comparison_table(comparisons: Sequence[Comparison], title: str) -> Table:
    """The primary evidence for each comparison, its size, and the paper's own test under its right name."""
    axes = varying(pd.DataFrame([c.candidate for c in comparisons], columns=list(AXES)))
    rows = tuple(_comparison_cells(comparison, axes) for comparison in comparisons)
    contrasts = comparisons[0].contrasts
    margin, metric = percent(contrasts.equivalence), contrasts.metric.replace("_", " ").upper()
    note = COMPARED_NOTE.format(margin=margin, metric=metric)
    names = {row[0].text: comparison.devices for row, comparison in zip(rows, comparisons, strict=True)}
    return Table(title, COMPARED, rows, f"{note} {unlike_in_words(names)}".strip())


def terminal_table(results: Results, metric: Metric = "ua") -> list[dict[str, str]]:
    """UA at each ratio per family, as plain rows for a terminal; the keys are the column headings."""
    table = score_table(results, metric)
    return [
        {column: cell.text for column, cell in zip(table.columns, row, strict=True)} for row in table.rows
    ]


def cells_frame(results: Results) -> pd.DataFrame:
    """Every planned cell with its figures; `status` is finished, failed or missing.

    Beside `CELL_VALUES` there are the seconds of every phase, and `recall_<class>` of every class.
    """
    frame = results.frame
    known = [name for name in CELL_VALUES if name in frame]
    phases = sorted(name for name in map(str, frame) if name.startswith("seconds_"))
    finished = pd.concat(
        [frame[[*AXES, "percent", "size", "fold", "seed", *known, *phases, "key"]], _recalls(frame)], axis=1
    ).assign(status="finished")
    missing = results.missing[[*AXES, "percent", "size", "fold", "seed", "key", "failure"]]
    status = missing["failure"].map(lambda sentence: "failed" if sentence else "missing")
    return pd.concat([finished, missing.assign(status=status)], ignore_index=True)


def _recalls(frame: pd.DataFrame) -> pd.DataFrame:
    """A column for every class, empty in the rows of a corpus that does not have it or did not test it."""
    rows = [
        {f"recall_{name}": value for name, value in zip(names, values or (), strict=bool(values))}
        for names, values in zip(frame["classes"], frame["recall"], strict=True)
    ]
    return pd.DataFrame(rows, index=frame.index, dtype="float64")


def _scores(cells: pd.DataFrame) -> dict[str, float]:
    if cells.empty:
        return {}
    row = {"labelled": cells["labelled"].mean(), "validation": cells["validation"].mean()}
    if "annotations" in cells:  # of somebody else than the corpus; its own labels are one each
        row["annotations"] = cells["annotations"].fillna(cells["labelled"]).mean()
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
    for family, of_family in by_family(rows).items():
        found = {row["percent"]: render(row) for row in of_family.to_dict("records")}
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
        shown = text if whole else f"{text} *"
        return Cell(shown, bold=bool(row["best"]) and whole, value=float(row[f"{metric}_{lead}"]))

    return render


def _comparison_cells(comparison: Comparison, axes: list[str]) -> tuple[Cell, ...]:
    claim, further = comparison.claim, comparison.further
    mark = "‡" if comparison.devices.pairs else ""
    name = Cell(f"{label(comparison.candidate, axes)}, {percent_text(comparison.percent)}", mark=mark)
    labelled = Cell(f"{comparison.labelled:.0f}", value=comparison.labelled)
    if claim.crossed is None or further is None:
        return (name, labelled, *[Cell(NOTHING)] * 4, _verdict(comparison), *[Cell(NOTHING)] * 4)
    interval, tested = claim.crossed.interval, claim.verdict != "not tested"
    seeds = next((other.p for other in further.tests if other.name == "t on seed means"), None)
    dz = further.effects.dz
    return (
        name,
        labelled,
        Cell(points(claim.crossed.estimate), value=claim.crossed.estimate),
        Cell(NOTHING)
        if interval is None
        else Cell(f"{points(interval[0])} to {points(interval[1])}", value=interval[0]),
        Cell(p_text(claim.crossed_holm), value=claim.crossed_holm),
        Cell(p_text(claim.corrected_holm), value=claim.corrected_holm),
        _verdict(comparison),
        Cell(NOTHING if claim.detectable is None else percent(claim.detectable), value=claim.detectable),
        Cell(NOTHING if dz is None else f"{round(dz, 2) + 0.0:.2f}".replace("-", "−"), value=dz),
        Cell(_likely(further.posterior) if tested else NOTHING),
        Cell(p_text(seeds), value=seeds),
    )


def _likely(posterior: Posterior) -> str:
    shares = (posterior.worse, posterior.equivalent, posterior.better)
    return " / ".join(f"{100 * share:.0f}" for share in shares)


def _verdict(comparison: Comparison) -> Cell:
    claim = comparison.claim
    text = f"not tested: {claim.reason}" if claim.verdict == "not tested" else claim.verdict
    return Cell(text, bold=claim.verdict in ("better", "worse"))


def _comparison_row(comparison: Comparison) -> dict[str, Any]:
    claim, contrasts = comparison.claim, comparison.contrasts
    row: dict[str, Any] = {
        "family": contrasts.name,
        "declared": contrasts.declared,
        "axis": comparison.axis,
        **comparison.candidate._asdict(),
        "reference": contrasts.reference,
        "percent": comparison.percent,
        "labelled": comparison.labelled,
        "metric": contrasts.metric,
        "difference": None if claim.crossed is None else claim.crossed.estimate,
        "verdict": claim.verdict,
        "detectable": claim.detectable,
        "p_quasi_f_holm": claim.crossed_holm,
        "p_nadeau_bengio_holm": claim.corrected_holm,
        "reason": claim.reason,
        "pairs": comparison.devices.of,
        "pairs_on_unlike_devices": comparison.devices.pairs,
    }
    further = comparison.further
    for outcome in (claim.crossed, claim.corrected, *(() if further is None else further.tests)):
        if outcome is not None:
            row |= _outcome_row(outcome)
    if further is not None and claim.crossed is not None and claim.verdict != "not tested":
        likely = {f"bayesian.{name}": value for name, value in asdict(further.posterior).items()}
        sizes = {f"effect.{name}": value for name, value in asdict(further.effects).items()}
        margin = contrasts.equivalence
        powers = {"power_at_rope": power_at(claim.crossed, margin) if margin else None}
        row |= {name: value for name, value in likely.items() if not name.endswith("scope")} | sizes | powers
    return row


def _outcome_row(outcome: Outcome) -> dict[str, Any]:
    """The figures of one test; the name of one over runs says what it is conditional on."""
    name = _SHORT.get(outcome.name, outcome.name.replace(" ", "_").replace("-", "_").lower())
    low, high = outcome.interval or (None, None)
    figures = {"statistic": outcome.statistic, "df": outcome.df, "p": outcome.p, "low": low, "high": high}
    return {f"{name}.{figure}": value for figure, value in figures.items()}
