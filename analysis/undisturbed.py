"""Which cells have a time that may be compared with others."""

from __future__ import annotations

import pandas as pd


def undisturbed(frame: pd.DataFrame) -> pd.Series[bool]:
    """Whether the trial of each cell had its device for itself and was not resumed up to the cell's ratio.

    One resumed round makes all later rounds of its trial suspect: their charged seconds contain its own.
    """
    shared = pd.to_numeric(frame["shared_by"], errors="coerce")
    resumed = pd.to_numeric(frame["resumed"], errors="coerce") if "resumed" in frame else shared * 0
    disturbed = ~(shared <= 1) | (resumed.fillna(0) > 0)
    by_trial = frame[["trial", "percent"]].assign(disturbed=disturbed).sort_values("percent", kind="stable")
    so_far = by_trial.groupby("trial", sort=False)["disturbed"].cummax().astype(bool)
    return ~so_far.reindex(frame.index)
