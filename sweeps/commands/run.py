"""Run what studies miss, and run again what failed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from after_ray.errors import AfterRayError
from sweeps.commands._launching import (
    STOPPED,
    Address,
    CacheFolder,
    CacheLimit,
    Cores,
    MaxGpuHours,
    MaxHours,
    NoReport,
    warn_of_lone_tracker,
)
from sweeps.commands._options import (
    DEFAULT_STORE,
    OnlyText,
    Overrides,
    StoreOption,
    StudyFiles,
    TrackingUri,
    one_sentence,
    opened_studies,
    quiet_libraries,
    refuse_known_recordings,
    refuse_no_store,
    waiting_for_people,
)
from sweeps.commands._submitting import refuse_store_of_a_job, submitted
from sweeps.commands.report import print_report

if TYPE_CHECKING:
    from after_ray.store.reading import Reading
    from sweeps.launching.budget import Limits
    from sweeps.launching.launch import Outcome, Where
    from sweeps.planning.opening import OpenStudy
    from sweeps.planning.trajectories import Trajectory
    from sweeps.running.studies import RunReport
    from sweeps.tracking import MirrorReport


def run(
    context: typer.Context,
    studies: StudyFiles,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    only: OnlyText = None,
    address: Address = None,
    tracking_uri: TrackingUri = None,
    cache_dir: CacheFolder = None,
    cache_gb: CacheLimit = 50.0,
    cpus: Cores = None,
    max_hours: MaxHours = None,
    max_gpu_hours: MaxGpuHours = None,
    no_report: NoReport = False,
) -> None:
    """Run everything that studies still miss, searches first, then write their reports."""
    with one_sentence(store):
        quiet_libraries()
        submitted(context, studies)
        from sweeps.commands.search import after_search
        from sweeps.launching.budget import Limits
        from sweeps.launching.launch import Where

        where, limits = Where(address, cache_dir, cpus, cache_gb), Limits(max_hours, max_gpu_hours)
        chosen = []
        for opened in opened_studies(studies, store, overrides, only):
            one, limits = after_search(opened, where, limits, only, tracking_uri)
            chosen.append(one)
        run_opened(chosen, where, tracking_uri, limits, report=not no_report)


def retry(
    context: typer.Context,
    studies: StudyFiles,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    only: OnlyText = None,
    address: Address = None,
    tracking_uri: TrackingUri = None,
    cache_dir: CacheFolder = None,
    cache_gb: CacheLimit = 50.0,
    cpus: Cores = None,
    max_hours: MaxHours = None,
    max_gpu_hours: MaxGpuHours = None,
    no_report: NoReport = False,
) -> None:
    """Run again what failed, also what failed too often, and what could not run because of it."""
    with one_sentence(store):
        quiet_libraries()
        submitted(context, studies)
        refuse_no_store(store, studies, overrides)
        from sweeps.launching.budget import Limits
        from sweeps.launching.launch import Where

        chosen = opened_studies(studies, store, overrides, only)
        failed = _failed(chosen)
        opened = _only_failed(chosen, failed)
        if not any(one.wanted.trajectories for one in opened):
            print("nothing failed; 'after-ray run' runs what is missing")
            return
        where = Where(address, cache_dir, cpus, cache_gb)
        limits = Limits(max_hours, max_gpu_hours)
        run_opened(opened, where, tracking_uri, limits, failed, report=not no_report)


def _failed(studies: Sequence[OpenStudy]) -> frozenset[str]:
    """Keys of what failed of the studies' wanted parts."""
    from sweeps.planning.counting import Together

    wanted = Together([one.wanted for one in studies]).keys
    return frozenset(studies[0].store.ledger.failures().keys() & wanted)


def _only_failed(studies: Sequence[OpenStudy], failed: frozenset[str]) -> list[OpenStudy]:
    """The trajectories of studies with stages that are missing because of these failures.

    A failure of one study may keep a trajectory of another from running, which leaves the path that failed.
    """
    from sweeps.planning.counting import Together
    from sweeps.planning.only import Keys

    wanted = [one.wanted for one in studies]
    lost = Together(wanted).lost(studies[0].store.ledger.finished(), failed)
    return [
        replace(one, only=Keys(frozenset(t.key for t in plan.trajectories if _has(t, lost))))
        for one, plan in zip(studies, wanted, strict=True)
    ]


def _has(trajectory: Trajectory, stages: frozenset[str]) -> bool:
    return any(stage.key in stages for stage in trajectory.stages)


def run_opened(
    studies: Sequence[OpenStudy],
    where: Where,
    tracking_uri: str | None,
    limits: Limits,
    forgiven: frozenset[str] = frozenset(),
    report: bool = True,
) -> None:
    """Run studies to their reports; ends with an exit code of its own where something is missing.

    `forgiven`: keys of failures that do not count any more. `report`: whether reports are written.
    """
    from after_ray.store.reading import Reading
    from sweeps.running.studies import run_studies
    from sweeps.tracking import default_tracking_uri

    _check(studies, where, tracking_uri)
    store = studies[0].store
    reading = Reading(store.ledger)
    uri = tracking_uri or default_tracking_uri(store)
    done = run_studies(studies, where, uri, limits, forgiven, reading)
    _say(done)
    if done.outcome.unavailable:
        raise AfterRayError(done.outcome.unavailable)
    finished = store.ledger.finished()
    _show(studies, done.mirrored, reading, finished, uri, report)
    _end(studies, done.outcome, finished)


def _check(studies: Sequence[OpenStudy], where: Where, tracking_uri: str | None) -> None:
    """Refuse, before anything runs, what could not end well; warn of what may not be wanted.

    Raises:
        AfterRayError: one sentence about the first thing that is wrong.
    """
    from sweeps.launching.cache import refuse_no_cache
    from sweeps.launching.ray_start import answering

    store = studies[0].store
    for opened in studies:
        refuse_known_recordings(opened)
    refuse_store_of_a_job(store)
    if where.address is not None:
        answering(where.address)
    store.probe()
    refuse_no_cache(where)
    warn_of_lone_tracker(store, where, tracking_uri)


def _end(studies: Sequence[OpenStudy], outcome: Outcome, finished: Collection[str]) -> None:
    """Where something is missing: say why, and end with the exit code of that.

    Raises:
        typer.Exit: where something is.
    """
    from sweeps.planning.counting import counts

    missing = counts([opened.wanted for opened in studies], finished)["missing"]
    if missing:
        why, code = _why_missing(studies, outcome)
        print(f"{missing} cells are missing; {why}")
        raise typer.Exit(code)


def _why_missing(studies: Sequence[OpenStudy], outcome: Outcome) -> tuple[str, int]:
    """A sentence's second half, and the exit code."""
    if outcome.unmet:
        return outcome.unmet, 1
    if outcome.stopped:
        return outcome.stopped, STOPPED
    if not (outcome.failed or outcome.blocked or outcome.quarantined):
        for opened in studies:
            if waiting := waiting_for_people(opened):
                return waiting, 1
    first, *others = studies
    return f"'{first.command_here('status', *(str(one.path) for one in others))}' says why", 1


def _show(
    studies: Sequence[OpenStudy],
    mirrors: Sequence[MirrorReport],
    reading: Reading,
    finished: Collection[str],
    uri: str,
    report: bool,
) -> None:
    """Where to look at the studies, their tables, and what is to be known of their results."""
    from sweeps.provenance.drift import drift

    for opened, mirrored in zip(studies, mirrors, strict=True):
        if mirrored.links is not None:
            print("\n".join(mirrored.links.lines(opened.study.study)))
    for opened in studies:
        if not any(cell.key in finished for cell in opened.plan.cells):
            print(f"no report of {opened.study.study} yet: none of its cells is finished")
        elif report:
            print_report(opened, tracking_uri=uri)
        else:
            print(f"no report of {opened.study.study}: {opened.command_here('report')}")
    for sentence in drift([opened.plan for opened in studies], reading.environments, finished):
        print(f"warning: {sentence}")


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
