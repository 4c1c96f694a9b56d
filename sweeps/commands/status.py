"""How far studies are: once, or again and again while they run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.commands._options import (
    DEFAULT_STORE,
    OnlyText,
    Overrides,
    StoreOption,
    StudyFiles,
    one_sentence,
    opened_studies,
    refuse_no_store,
    waiting_for_people,
)

if TYPE_CHECKING:
    from sweeps.planning.failing import Cause
    from sweeps.planning.opening import OpenStudy
    from sweeps.running.progress import Progress

LOGS_SHOWN = 3
SECONDS_OF_A_START = 60
CHANGED_SINCE = (
    "what is missing was not part of that launch, or its study, corpus or code was another one then; "
    "'after-ray run' computes it"
)


def status(
    studies: StudyFiles,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    only: OnlyText = None,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing it until the launch ends.")] = False,
    every: Annotated[float, typer.Option(min=0.5, help="Seconds between two looks of --watch.")] = 5.0,
) -> None:
    """Show what is done, missing, running and failed, with one sentence per cause of failure."""
    with one_sentence(store):
        refuse_no_store(store, studies, overrides)
        opened = opened_studies(studies, store, overrides, only)
        if watch:
            _wait_for_a_launch(opened)
        while watch and _running(opened):
            _print_running(opened)
            time.sleep(every)
        _print_standing(opened)


def _wait_for_a_launch(studies: Sequence[OpenStudy]) -> None:
    """A launch takes some seconds until it can be seen; where all is done none is waited for."""
    end = time.monotonic() + SECONDS_OF_A_START
    if not _running(studies) and _missing(studies):
        print(
            f"no launch is running yet; waiting {SECONDS_OF_A_START} s for one (Ctrl-C ends it)", flush=True
        )
        while not _running(studies) and time.monotonic() < end:
            time.sleep(0.5)


def _missing(studies: Sequence[OpenStudy]) -> int:
    from sweeps.planning.counting import counts

    return counts([opened.wanted for opened in studies], studies[0].store.ledger.finished())["missing"]


def _running(studies: Sequence[OpenStudy]) -> bool:
    return any(p is not None and p.ended is None and not p.stale() for p in _progresses(studies))


def _progresses(studies: Sequence[OpenStudy]) -> list[Progress | None]:
    from sweeps.running.progress import read_progress

    return [read_progress(opened.store, opened.study.study) for opened in studies]


def _print_running(studies: Sequence[OpenStudy]) -> None:
    """One line per study that runs."""
    from sweeps.reporting.in_words import progress_in_words

    for opened, progress in zip(studies, _progresses(studies), strict=True):
        if progress is not None:
            print(
                f"{time.strftime('%H:%M:%S')} {opened.study.study}: {progress_in_words(progress)}", flush=True
            )


def _print_standing(studies: Sequence[OpenStudy]) -> None:
    from sweeps._console import console, print_counts
    from sweeps.planning.counting import counts
    from sweeps.planning.failing import causes
    from sweeps.provenance.drift import drift
    from sweeps.reporting.in_words import model_in_words, progress_in_words, searches_in_words

    ledger = studies[0].store.ledger
    done, failures = ledger.finished(), ledger.failures()
    for opened, progress in zip(studies, _progresses(studies), strict=True):
        standing, waiting = counts([opened.wanted], done, failures), waiting_for_people(opened)
        print_counts(f"status of {opened.study.study}", standing)
        if progress is not None:
            console.print(progress_in_words(progress), markup=False)
            missing = standing["missing"] and not standing["failed"] and not waiting
            if missing and _whole(progress):
                console.print(CHANGED_SINCE, markup=False)
        if waiting:
            console.print(waiting, markup=False)
        if model := model_in_words(opened.study.resources):
            console.print(model, markup=False)
    for sentence in searches_in_words(studies):
        console.print(sentence, markup=False)
    for sentence in drift([opened.wanted for opened in studies], ledger.environments, done):
        console.print(sentence, markup=False)
    for cause in causes([opened.wanted for opened in studies], failures, done):
        _print_cause(studies, cause)


def _whole(progress: Progress) -> bool:
    """Whether the last launch, of the study and not of its search, had nothing left to do."""
    from sweeps.running.progress import NOTHING_MORE

    return progress.ended == NOTHING_MORE and progress.search is None


def _print_cause(studies: Sequence[OpenStudy], cause: Cause) -> None:
    from after_ray.wording import counted
    from sweeps._console import console

    store = studies[0].store
    attempts = sum(failure.attempts for failure in cause.failures)
    many = f"{counted(len(cause.failures), 'stage')} failed ({counted(attempts, 'attempt')}), "
    console.print(f"{many}{counted(cause.cells, 'cell')} missing: {cause.sentence}", markup=False)
    for log in cause.logs[:LOGS_SHOWN]:
        console.print(f"  trace: {store.place.told(log)}", markup=False)
    if len(cause.logs) > LOGS_SHOWN:
        console.print(
            f"  and {len(cause.logs) - LOGS_SHOWN} more in {store.place.told('logs')}", markup=False
        )
    if cause.quarantined:
        files = " ".join(str(opened.path) for opened in studies)
        console.print(
            f"  {cause.quarantined} of them failed too often and will not be run again unasked; "
            f"mend the cause, then: after-ray retry {files} --store {store.url}",
            markup=False,
        )
    if cause.waiting:
        (key, needed), count = next(iter(cause.waiting.items())), len(cause.waiting)
        which = f"trajectory {key[:8]} waits" if count == 1 else f"{count} trajectories ({key[:8]}, ...) wait"
        console.print(
            f"  {which} for {needed[:8]}, which failed too often: 'after-ray retry' runs both", markup=False
        )
