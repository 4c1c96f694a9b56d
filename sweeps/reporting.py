"""From a plan to the report: which cells there are, and where the page goes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from analysis.report import ReportPaths, write_report
from analysis.results import Results, from_store
from sweeps.describing import study_info
from sweeps.planning.plan import Plan
from sweeps.study.opening import OpenStudy


def cells_frame(plan: Plan) -> pd.DataFrame:
    """One row per cell: its axes, percent, size, its record's key and its trajectory's key."""
    return pd.DataFrame(
        [
            {
                **asdict(c.axes),
                "percent": c.percent,
                "size": c.size,
                "key": c.key,
                "trial": c.trial,
                "protocol": plan.study.protocol.preset,
            }
            for c in plan.cells
        ]
    )


def read_results(opened: OpenStudy) -> Results:
    """The results that the store has for a study's cells."""
    return from_store(cells_frame(opened.plan), opened.store)


def report_folder(opened: OpenStudy) -> Path:
    """Where a study's report is written."""
    return opened.store.root / "reports" / opened.study.study


def write_study_report(opened: OpenStudy, results: Results, folder: Path) -> ReportPaths:
    """Write the report page with its tables and figures."""
    return write_report(study_info(opened), results, folder)
