"""Seeds that give the same result again: repeats that a test counts and that are none."""

from __future__ import annotations

from collections import defaultdict

import pandas as pd

from analysis.families import by_family, label, percent_text, varying

_FEW = 0.5  # of the seeds: from here on intervals over seeds are much too narrow


def repeated_seeds(frame: pd.DataFrame) -> list[str]:
    """Sentences that name the families in which many seeds of a fold give one and the same result.

    A deterministic initialization and a classifier without random draws leave a seed nothing to vary. Cells
    with everything labelled are left out: there all seeds of such a classifier agree, and rightly.
    """
    if "loss" not in frame:
        return []
    axes, found = varying(frame), defaultdict(list)
    for family, cells in by_family(frame[frame["labelled"] < frame["train"]]).items():
        if said := _repeated(cells):
            found[said].append(label(family, axes))
    return [
        f"{'; '.join(names)}: {said}. Initialization and training leave seeds little to vary; intervals and "
        "tests over seeds count them as repeats and promise too much there."
        for said, names in found.items()
    ]


def _repeated(cells: pd.DataFrame) -> str:
    """How many different results the seeds of a fold give, at the ratios where these are few."""
    by_fold = cells.groupby(["percent", "fold"])["loss"].agg(["nunique", "size"])
    share = (by_fold["nunique"] / by_fold["size"]).groupby("percent").mean()
    few = share[(share <= _FEW) & (by_fold["size"].groupby("percent").min() > 1)]
    if few.empty:
        return ""
    here = by_fold.loc[few.index]
    low, high = here["nunique"].min(), here["nunique"].max()
    results = f"{low} to {high}" if low < high else str(low)
    ratios = ", ".join(percent_text(float(percent)) for percent in few.index)
    return f"the {here['size'].max()} seeds of a fold give only {results} different results at {ratios}"
