"""What a study cost on each kind of device, and what it would have cost without sharing stages."""

from __future__ import annotations

import pandas as pd

from analysis._rendering import Cell, Table, seconds_text
from analysis.results import Results

NOTE = (
    "Rounds: the time of the rounds behind the cells, each counted once; stages before them (adaptation, "
    "features) come on top. Alone: the time if every trajectory had computed all of its stages for itself."
)


def cost_frame(results: Results) -> pd.DataFrame:
    """One row per device: cells, trajectories, `rounds_seconds`, and `alone_seconds` of all trajectories."""
    rows = []
    for device, cells in results.frame.assign(
        device_name=results.frame["device_name"].fillna("not recorded")
    ).groupby("device_name", sort=True):
        rows.append(
            {
                "device": str(device),
                "cells": len(cells),
                "trajectories": cells["trial"].nunique(),
                "rounds_seconds": float(cells.drop_duplicates("key")["spent_seconds"].sum()),
                "alone_seconds": float(cells.groupby("trial")["charged_seconds"].max().sum(min_count=1)),
            }
        )
    return pd.DataFrame(rows)


def cost_table(results: Results) -> Table:
    """The same for people."""
    rows = tuple(
        (
            Cell(row["device"]),
            Cell(str(row["cells"]), value=row["cells"]),
            Cell(str(row["trajectories"]), value=row["trajectories"]),
            Cell(seconds_text(row["rounds_seconds"]), value=row["rounds_seconds"]),
            Cell(seconds_text(row["alone_seconds"]), value=row["alone_seconds"]),
        )
        for row in cost_frame(results).to_dict("records")
    )
    return Table("Cost", ("device", "cells", "trajectories", "rounds", "alone"), rows, NOTE)
