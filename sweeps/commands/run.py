"""Run what studies miss, and run again what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from after_ray.errors import AfterRayError
from sweeps.commands._options import (
    DEFAULT_STORE,
    OnlyText,
    Overrides,
    StoreFolder,
    StudyFiles,
    TrackingUri,
    one_sentence,
    opened_studies,
    quiet_libraries,
    refuse_shared_recordings,
)
from sweeps.commands.report import print_report

if TYPE_CHECKING:
    from sweeps.launching.budget import Limits
    from sweeps.launching.launch import Where
    from sweeps.running.studies import RunReport
    from sweeps.study.opening import OpenStudy

STOPPED = 3  # exit code of a launch that its budget ended before all was done

Address = Annotated[str | None, typer.Option(help="Address of a running Ray ('auto'); local Ray by default.")]
CacheFolder = Annotated[
    Path | None, typer.Option("--cache-dir", help="Folder on each node's own disk for memory maps.")
]
CacheLimit = Annotated[
    float,
    typer.Option(
        "--cache-gb", min=0.001, help="Size limit of that folder; what was not used for longest goes."
    ),
]
Cores = Annotated[int | None, typer.Option("--cpus", min=1, help="Cores of a local Ray; all by default.")]
MaxHours = Annotated[
    float | None, typer.Option(min=0.0, help="Stop between two rounds when so many hours are over.")
]
MaxGpuHours = Annotated[
    float | None, typer.Option(min=0.0, help="Stop between two rounds when trials took so many GPU-hours.")
]


def run(
    studies: StudyFiles,
    store: StoreFolder = DEFAULT_STORE,
    overrides: Overrides = None,
    only: OnlyText = None,
    address: Address = None,
    tracking_uri: TrackingUri = None,
    cache_dir: CacheFolder = None,
    cache_gb: CacheLimit = 50.0,
    cpus: Cores = None,
    max_hours: MaxHours = None,
    max_gpu_hours: MaxGpuHours = None,
) -> None:
    """Run everything that studies still miss, searches first, then write their reports."""
    with one_sentence(store):
        quiet_libraries()
        from sweeps.commands.search import searched
        from sweeps.launching.budget import Limits
        from sweeps.launching.launch import Where

        where, limits = Where(address, cache_dir, cpus, cache_gb), Limits(max_hours, max_gpu_hours)
        chosen = []
        for opened in opened_studies(studies, store, overrides, only):
            one, limits = searched(opened, where, limits, only, tracking_uri)
            chosen.append(one)
        run_opened(chosen, where, tracking_uri, limits)


def retry(
    studies: StudyFiles,
    store: StoreFolder = DEFAULT_STORE,
    overrides: Overrides = None,
    only: OnlyText = None,
    address: Address = None,
    tracking_uri: TrackingUri = None,
    cache_dir: CacheFolder = None,
    cache_gb: CacheLimit = 50.0,
    cpus: Cores = None,
    max_hours: MaxHours = None,
    max_gpu_hours: MaxGpuHours = None,
) -> None:
    """Run again what failed, also what failed too often, and what could not run because of it."""
    with one_sentence(store):
        quiet_libraries()
        from sweeps.launching.budget import Limits
        from sweeps.launching.launch import Where

        chosen = opened_studies(studies, store, overrides, only)
        failed = _failed(chosen)
        opened = [_only_failed(one, failed) for one in chosen]
        if not any(one.wanted.trajectories for one in opened):
            print("nothing failed; 'after-ray run' runs what is missing")
            return
        where = Where(address, cache_dir, cpus, cache_gb)
        run_opened(opened, where, tracking_uri, Limits(max_hours, max_gpu_hours), failed)


def _failed(studies: Sequence[OpenStudy]) -> frozenset[str]:
    """Keys of what failed of the studies' wanted parts."""
    from sweeps.planning.counting import Together

    wanted = Together([one.wanted for one in studies]).keys
    return frozenset(studies[0].store.ledger.failures().keys() & wanted)


def _only_failed(opened: OpenStudy, failed: frozenset[str]) -> OpenStudy:
    """The trajectories of a study with cells that are missing because of these failures."""
    from sweeps.planning.counting import Together
    from sweeps.planning.only import Keys

    cells = Together([opened.wanted]).failing(opened.store.ledger.finished(), failed)
    return replace(opened, only=Keys(frozenset(cell.trial for cell in cells)))


def run_opened(
    studies: Sequence[OpenStudy],
    where: Where,
    tracking_uri: str | None,
    limits: Limits,
    forgiven: frozenset[str] = frozenset(),
) -> None:
    """Run studies to their reports; ends with an exit code of its own where something is missing.

    `forgiven`: keys of failures that do not count any more.
    """
    from sweeps.planning.counting import counts
    from sweeps.provenance.drift import drift
    from sweeps.running.studies import run_studies
    from sweeps.tracking import default_tracking_uri

    store = studies[0].store
    for opened in studies:
        refuse_shared_recordings(opened)
    store.probe()
    done = run_studies(studies, where, tracking_uri or default_tracking_uri(store), limits, forgiven)
    _say(done)
    if done.outcome.unavailable:
        raise AfterRayError(done.outcome.unavailable)
    for opened, mirrored in zip(studies, done.mirrored, strict=True):
        if mirrored.links is not None:
            print("\n".join(mirrored.links.lines(opened.study.study)))
        print_report(opened, None)
    finished = store.ledger.finished()
    for sentence in drift([opened.plan for opened in studies], store, finished):
        print(f"warning: {sentence}")
    missing = counts([opened.wanted for opened in studies], finished)["missing"]
    if not missing:
        return
    if done.outcome.stopped:
        print(f"{missing} cells are missing; {done.outcome.stopped}")
        raise typer.Exit(STOPPED)
    files = " ".join(str(opened.path) for opened in studies)
    print(f"{missing} cells are missing; 'after-ray status {files} --store {store.root}' says why")
    raise typer.Exit(1)


def _say(done: RunReport) -> None:
    outcome = done.outcome
    print(f"{outcome.ran} trials ran, {len(outcome.failed)} failed")
    if outcome.blocked:
        print(f"{outcome.blocked} trials could not run because what they need failed")
    if outcome.quarantined:
        print(
            f"{outcome.quarantined} trials were passed over: they, or what they need, failed too often; "
            "'after-ray retry' runs them again"
        )
    for mirrored in done.mirrored:
        if mirrored.error:
            print(f"{mirrored.pending} finished trajectories are not in MLflow: {mirrored.error}")
