"""Areas under all learning curves, and whether that of a strategy is larger than that of the reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis._rendering import NOTHING, Cell, Table, p_text, percent, points
from analysis.curves import areas_of, bootstrap_over_seeds, global_score
from analysis.errors import RaggedTable
from analysis.families import Family, label, varying
from analysis.measures._text import family_of, figure, range_text
from analysis.measures.trajectories import Trajectories, reference_of, trajectories_of
from analysis.results import Results, chance_levels
from analysis.significance import Claim, Evidence, claim, paired_cells

AreaAxis = Literal["linear", "log2"]
AREA_AXES: tuple[AreaAxis, ...] = ("linear", "log2")

_COLUMNS = (
    "", "ratios", "linear axis", "log2 axis", "95 % interval (log2)", "global score", "difference (log2)",
    "95 % interval", "p quasi-F", "p Nadeau-Bengio", "verdict",
)  # fmt: skip
_NOTE = (
    "Area by trapezoids over the labelled shares of train, divided by their range: a mean UA, in percent. "
    "It depends on the ratios, so compare it only between rows with the same ones. Its interval resamples "
    "seeds within folds: how sure it is on these speakers. Global score: on the log2 axis, 0 for guessing "
    "and 1 for a curve that is right throughout. Difference: from {reference}, otherwise alike, in "
    "percentage points, paired by fold and seed, with the crossed folds × seeds interval; exploratory: both "
    "p-values are Holm-corrected over this table, which no study declares; better or worse needs both below "
    ".05. A dash: fewer than two ratios, or nothing to compare or resample."
)
_INCOMPLETE = " * trajectories with missing cells are left out: not comparable with the others."


def areas_frame(results: Results, reference: str, generator: np.random.Generator) -> pd.DataFrame:
    """One row per planned family with its areas, and its claim against the reference strategy.

    Args:
        results: finished and missing cells.
        reference: the strategy that others are compared with, all else alike.
        generator: draws the bootstrap.

    Returns:
        The axes of the family; `ratios`, `first_percent`, `last_percent`; `linear`, `log2` (mean over folds
        of the seed means) with `_low` and `_high`; `global_score`; `trajectories` that have every
        ratio and `trajectories_planned`; `reference`; `difference_linear` and `difference_log2`; of the
        latter, the claim (`low`, `high`, `p_quasi_f` and `p_nadeau_bengio` after Holm over all rows,
        `detectable`, `verdict`, `reason`).
        Figures are NaN where there are none.
    """
    found = trajectories_of(results)
    evidence = {axis: _evidence(found, reference, axis) for axis in AREA_AXES}
    claims = dict(zip(evidence["log2"], claim(list(evidence["log2"].values())), strict=True))
    chances = chance_levels(results.frame)
    return pd.DataFrame(
        [
            {
                **family._asdict(),
                **_areas(trajectories, chances.get(family.corpus, float("nan")), generator),
                **trajectories.counts,
                "reference": reference,
                "difference_linear": _mean(evidence["linear"].get(family)),
                "difference_log2": _mean(evidence["log2"].get(family)),
                **_claimed(claims.get(family)),
            }
            for family, trajectories in found.items()
        ]
    )


def area_evidence(
    results: Results, reference: str, axis: AreaAxis = "log2", metric: str = "ua"
) -> dict[Family, Evidence]:
    """Paired differences of areas, candidate minus reference, shape (seeds, folds), for `significance.claim`.

    Families with a single ratio, or without a family of the reference strategy that is otherwise alike, are
    not in it. A pair with cells missing has the sentence why it is refused.
    """
    return _evidence(trajectories_of(results, metric), reference, axis)


def areas_table(frame: pd.DataFrame) -> Table:
    """What `areas_frame` found, one row per family; the best area of a corpus and its ratios bold."""
    axes = varying(frame)
    alike = frame.assign(whole=frame["trajectories"] == frame["trajectories_planned"])
    best = alike[alike["whole"]].groupby(["corpus", "ratios", "first_percent", "last_percent"])["log2"]
    leads = (best.transform("max") - alike["log2"] < 1e-12) & (best.transform("nunique") > 1)
    note = _NOTE.format(reference=frame["reference"].iloc[0])
    rows = tuple(
        _cells(row, label(family_of(row), axes), bool(leads.get(place, False)))
        for place, row in frame.iterrows()
    )
    return Table(
        "Area under the learning curve", _COLUMNS, rows, note + _INCOMPLETE * (not alike["whole"].all())
    )


def _evidence(found: Mapping[Family, Trajectories], reference: str, axis: AreaAxis) -> dict[Family, Evidence]:
    return {
        family: _difference(trajectories, other, axis)
        for family, trajectories in found.items()
        if family.strategy != reference
        and len(trajectories.percents) > 1
        and (other := found.get(reference_of(family, reference))) is not None
    }


def _difference(trajectories: Trajectories, other: Trajectories, axis: AreaAxis) -> Evidence:
    if trajectories.percents != other.percents:
        return Evidence(None, reason="the two curves have other ratios")
    if trajectories.missing + other.missing:
        return Evidence(None, reason=f"ragged, planned cells missing: {trajectories.missing + other.missing}")
    try:
        left, right = paired_cells(
            _of_trajectories(trajectories, axis), _of_trajectories(other, axis), "area"
        )
    except RaggedTable as error:
        return Evidence(None, reason=str(error))
    return Evidence(
        left - right, float(np.nanmean(trajectories.values["test"] / trajectories.values["train"]))
    )


def _of_trajectories(trajectories: Trajectories, axis: AreaAxis) -> pd.DataFrame:
    """The area of every complete trajectory, one row each."""
    area = areas_of(trajectories.percents, trajectories.values["score"], axis)
    folds, seeds = np.nonzero(trajectories.complete)
    return pd.DataFrame(
        {
            "fold": np.array(trajectories.folds)[folds],
            "seed": np.array(trajectories.seeds)[seeds],
            "area": area[folds, seeds],
        }
    )


def _areas(trajectories: Trajectories, chance: float, generator: np.random.Generator) -> dict[str, float]:
    row: dict[str, float] = {
        "ratios": len(trajectories.percents),
        "first_percent": trajectories.percents[0],
        "last_percent": trajectories.percents[-1],
    }
    by_fold = list(trajectories.by_fold().values())
    if len(trajectories.percents) < 2 or not by_fold:
        return row | dict.fromkeys(
            ("linear", "linear_low", "linear_high", "log2", "log2_low", "log2_high", "global_score"),
            float("nan"),
        )
    for axis in AREA_AXES:
        row |= _with_interval(
            axis, [areas_of(trajectories.percents, scores, axis) for scores in by_fold], generator
        )
    return row | {"global_score": global_score(trajectories.percents, trajectories.curve().tolist(), chance)}


def _with_interval(
    axis: str, by_fold: list[NDArray[np.float64]], generator: np.random.Generator
) -> dict[str, float]:
    low, high = bootstrap_over_seeds(by_fold, generator)
    return {
        axis: float(np.mean([areas.mean() for areas in by_fold])),
        f"{axis}_low": low,
        f"{axis}_high": high,
    }


def _mean(evidence: Evidence | None) -> float:
    if evidence is None or evidence.differences is None:
        return float("nan")
    return float(evidence.differences.mean())


def _claimed(found: Claim | None) -> dict[str, Any]:
    """The columns of a claim; empty for a family that is compared with nothing."""
    low, high = (
        (None, None) if found is None or found.crossed is None else found.crossed.interval or (None, None)
    )
    return {
        "low": low,
        "high": high,
        "p_quasi_f": None if found is None else found.crossed_holm,
        "p_nadeau_bengio": None if found is None else found.corrected_holm,
        "detectable": None if found is None else found.detectable,
        "verdict": "" if found is None else found.verdict,
        "reason": "" if found is None else found.reason,
    }


def _cells(row: pd.Series[Any], name: str, leads: bool) -> tuple[Cell, ...]:
    star = "" if row["trajectories"] == row["trajectories_planned"] else " *"
    verdict = f"not tested: {row['reason']}" if row["verdict"] == "not tested" else row["verdict"] or NOTHING
    return (
        Cell(name),
        Cell(f"{row['ratios']}, {row['first_percent']:g} to {row['last_percent']:g} %"),
        figure(row["linear"], percent, star),
        figure(row["log2"], percent, star, leads),
        Cell(range_text(row["log2_low"], row["log2_high"], percent)),
        figure(row["global_score"], "{:.3f}".format, star),
        figure(row["difference_log2"], points),
        Cell(range_text(row["low"], row["high"], points)),
        figure(row["p_quasi_f"], p_text),
        figure(row["p_nadeau_bengio"], p_text),
        Cell(verdict, bold=verdict in ("better", "worse")),
    )
