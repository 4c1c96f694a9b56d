"""From a plan to the report: its cells, where their results are read, and where the page goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from analysis.report import SIMULATIONS, ReportPaths, Select, write_report
from analysis.results import Results, from_store
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.planning.plan import Plan
from sweeps.reporting.describing import study_info
from sweeps.tracking import default_tracking_uri, from_mlflow
from sweeps.tracking.errors import (
    DatabaseUnusable,
    MirrorBehind,
    TrackerUnreachable,
    print_warning,
)
from sweeps.tracking.mirroring import mirror_command

Source = Literal["mlflow", "store"]


def open_results(
    study: Path | str,
    store: Path | str = "store",
    source: Source | None = None,
    tracking_uri: str | None = None,
    overrides: Sequence[str] = (),
) -> Results:
    """The results of a study, for work in Python.

    Args:
        study: its file.
        store: the folder or bucket that it was run into. It may be empty where MLflow has the results.
        source: where they are read; None is MLflow, or the store when MLflow lacks some.
        tracking_uri: of MLflow; by default MLFLOW_TRACKING_URI, then SQLite in the store.
        overrides: as `--set` takes them, such as `seed=0..2`.

    Raises:
        AfterRayError: one sentence, about the study or about what cannot be read.
    """
    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    return read_results(open_study(Path(study), store, overrides), source, uri)


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


def read_results(
    opened: OpenStudy,
    source: Source | None = None,
    tracking_uri: str | None = None,
    say: Callable[[str], None] = print_warning,
) -> Results:
    """The results of a study's cells, the same from MLflow and from the store.

    Args:
        opened: the study.
        source: None is MLflow, or the store when MLflow lacks cells that the store has, which `say` is told.
        tracking_uri: of MLflow; by default SQLite in the store.
        say: takes a sentence on that; the results' `note` is its short form.

    Raises:
        AfterRayError: one sentence, when they cannot be read.
    """
    cells, own = cells_frame(opened.plan), default_tracking_uri(opened.store)
    if source == "store":
        return from_store(cells, opened.store)
    uri = tracking_uri or own
    try:
        return from_mlflow(cells, uri, opened.study.study, opened.store, mirror_command(opened, uri))
    except (TrackerUnreachable, DatabaseUnusable):  # and the store has no finished cell
        if source == "mlflow" or uri != own:
            raise
        return from_store(cells, opened.store)
    except MirrorBehind as error:
        results = from_store(cells, opened.store)
        if source == "mlflow" or results.frame.empty:
            raise
        instead = "what is reported now is read from the store."
        say(f"{str(error).removesuffix('.')}; {instead}")
        # Without places: a page is sent around.
        return replace(results, note=f"MLflow lacks {error.lacking}; {instead}")


def report_folder(opened: OpenStudy) -> Path:
    """Where a study's report is written."""
    return opened.store.root / "reports" / opened.study.study


def write_study_report(
    opened: OpenStudy,
    results: Results,
    folder: Path,
    simulations: int | None = None,
    select: Select = "paper",
) -> ReportPaths:
    """Write the report page with its tables and figures; `simulations` and `select`: as of `write_report`."""
    count = SIMULATIONS if simulations is None else simulations
    return write_report(study_info(opened, results), results, folder, simulations=count, select=select)
