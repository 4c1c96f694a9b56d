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
    """One row per device: cells, trajectories, `rounds_seconds`, and `alone_seconds` of all trajectories.

    A trajectory that went from one device to another counts once, where its last round was computed.
    """
    frame = results.frame.assign(device_name=results.frame["device_name"].fillna("not recorded"))
    last = frame.sort_values("percent", kind="stable").groupby("trial").tail(1)
    return pd.DataFrame(
        {
            "device": str(device),
            "cells": len(cells),
            "trajectories": int((last["device_name"] == device).sum()),
            "rounds_seconds": float(cells.drop_duplicates("key")["spent_seconds"].sum()),
            "alone_seconds": float(
                last.loc[last["device_name"] == device, "charged_seconds"].sum(min_count=1)
            ),
        }
        for device, cells in frame.groupby("device_name", sort=True)
    )


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
