"""Run what a study misses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweeps.commands._options import (
    DEFAULT_STORE,
    Overrides,
    StoreFolder,
    StudyFile,
    TrackingUri,
    one_sentence,
    opened_study,
    quiet_libraries,
    refuse_shared_recordings,
)
from sweeps.commands.report import print_report


def run(
    study: StudyFile,
    store: StoreFolder = DEFAULT_STORE,
    overrides: Overrides = None,
    address: Annotated[
        str | None, typer.Option(help="Address of a running Ray ('auto'); local Ray by default.")
    ] = None,
    tracking_uri: TrackingUri = None,
    cache_dir: Annotated[
        Path | None, typer.Option(help="Folder on each node's own disk for memory maps.")
    ] = None,
    cache_gb: Annotated[
        float, typer.Option(min=0.001, help="Size limit of that folder; what was not used for longest goes.")
    ] = 50.0,
    cpus: Annotated[int | None, typer.Option(min=1, help="Cores of a local Ray; all by default.")] = None,
) -> None:
    """Run everything a study still misses, then write its report."""
    with one_sentence(store):
        quiet_libraries()
        from sweeps.launch import Where
        from sweeps.running import run_study
        from sweeps.tracking import default_tracking_uri

        opened = opened_study(study, store, overrides)
        refuse_shared_recordings(opened)
        opened.store.probe()
        where = Where(address, cache_dir, cpus, cache_gb)
        done = run_study(opened, where, tracking_uri or default_tracking_uri(opened.store))
        print(f"{done.outcome.ran} trials ran, {len(done.outcome.failed)} failed")
        if done.outcome.blocked:
            print(f"{done.outcome.blocked} trials could not run because what they need failed")
        if done.mirrored.pending:
            print(f"{done.mirrored.pending} trajectories are not in MLflow yet; see the message above")
        print_report(opened, None)
        missing = opened.plan.counts(opened.store.ledger.finished(), {})["missing"]
        if missing:
            print(f"{missing} cells are missing; 'after-ray status {study} --store {store}' says why")
            raise typer.Exit(1)
