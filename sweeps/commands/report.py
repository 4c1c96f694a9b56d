"""The report of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sweeps.commands._options import (
    DEFAULT_STORE,
    Overrides,
    StoreOption,
    StudyFile,
    TrackingUri,
    one_sentence,
    opened_study,
    quiet_libraries,
    refuse_no_store,
)

if TYPE_CHECKING:
    from analysis.report import Select
    from sweeps.planning.opening import OpenStudy
    from sweeps.reporting.report import Source


def report(
    study: StudyFile,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    source: Annotated[
        Literal["mlflow", "store"] | None,
        typer.Option(
            help="Where results are read: by default MLflow, or the store when MLflow lacks some of them.",
            show_default=False,
        ),
    ] = None,
    tracking_uri: TrackingUri = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report; STORE/reports/NAME by default.")
    ] = None,
    simulations: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Simulated studies that say how often the tests err, by default 400; 0 leaves them out.",
            show_default=False,
        ),
    ] = None,
    select: Annotated[
        Literal["paper", "validation"],
        typer.Option(
            help="What AFTER is in the paper's Table 3 and claims: the paper's setting, or beside it also "
            "the strategy, initialization and ratio that validation chooses.",
        ),
    ] = "paper",
) -> None:
    """Write the report of a study: curves, tables, tests, one HTML page."""
    with one_sentence(store):
        from after_ray.errors import BadValue

        if out is not None and (not str(out).strip(". /") or out.is_file()):
            raise BadValue("--out", str(out), "a folder for the report, made when it is not there")
        if tracking_uri is None or source == "store":
            refuse_no_store(store, [study], overrides)
        quiet_libraries()
        opened = opened_study(study, store, overrides)
        print_report(opened, out, source, tracking_uri, simulations, select)


def print_report(
    opened: OpenStudy,
    out: Path | None = None,
    source: Source | None = None,
    tracking_uri: str | None = None,
    simulations: int | None = None,
    select: Select = "paper",
) -> None:
    """Write the report and print its table."""
    from analysis.tables import terminal_table
    from sweeps._console import print_table
    from sweeps.reporting.report import read_results, report_folder, write_study_report

    results = read_results(opened, source, tracking_uri)
    paths = write_study_report(opened, results, out or report_folder(opened), simulations, select)
    rows = terminal_table(results)
    if rows:
        cells = [[text.split(" (")[0] for text in row.values()] for row in rows]  # pooled UA is in the report
        print_table(f"{opened.study.study}: UA in percent, mean ± sd over folds", list(rows[0]), cells)
    if select == "validation" and not (paths.page.parent / "paper" / "table3.md").is_file():
        print("nothing is shown as chosen by validation: no model of the study is compared in Table 3")
    print(f"report: {paths.page}")
