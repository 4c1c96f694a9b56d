"""Seeds that give the same result again: repeats that a test counts and that are none."""

from __future__ import annotations

import pandas as pd

from analysis.families import by_family, label, percent_text, varying

_FEW = 0.5  # of the seeds: from here on intervals over seeds are much too narrow


def repeated_seeds(frame: pd.DataFrame) -> list[str]:
    """A sentence for each family in which many seeds of a fold give one and the same result.

    A deterministic initialization and a classifier without random draws leave a seed nothing to vary. Cells
    with everything labelled are left out: there all seeds of such a classifier agree, and rightly.
    """
    if "loss" not in frame:
        return []
    axes, sentences = varying(frame), []
    partly = frame[frame["labelled"] < frame["train"]]
    for family, cells in by_family(partly).items():
        by_fold = cells.groupby(["percent", "fold"])["loss"].agg(["nunique", "size"])
        share = (by_fold["nunique"] / by_fold["size"]).groupby("percent").mean()
        few = share[(share <= _FEW) & (by_fold["size"].groupby("percent").min() > 1)]
        if few.empty:
            continue
        here = by_fold.loc[few.index]
        ratios = ", ".join(percent_text(float(percent)) for percent in few.index)
        low, high, seeds = here["nunique"].min(), here["nunique"].max(), here["size"].max()
        results = f"{low} to {high} different results" if low < high else f"{low} different results"
        sentences.append(
            f"{label(family, axes)}: the {seeds} seeds of a fold give only {results} at {ratios}: its "
            "initialization and its training leave seeds little to vary. Intervals and tests over seeds "
            "count them as repeats and promise too much there."
        )
    return sentences
