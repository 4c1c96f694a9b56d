"""Running a search: what candidates share first, then candidates, stopped where others do better."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from after_ray.errors import AfterRayError
from after_ray.store import Failure
from sweeps._console import Meter, meter
from sweeps.launching.budget import Budget, Limits
from sweeps.launching.interrupts import Interrupt
from sweeps.launching.launch import Outcome, Where, launch_jobs, run_trials, scratch_folder
from sweeps.launching.ray_start import running_ray
from sweeps.launching.sight import UNFINISHED, Standing
from sweeps.planning.jobs import Job
from sweeps.running.studies import prepare
from sweeps.search.book import Book
from sweeps.search.results import write_best, write_candidates
from sweeps.search.room import Room
from sweeps.search.shared import shared_jobs
from sweeps.study.opening import OpenStudy


class NothingFinished(AfterRayError):
    """A search without a candidate to choose."""

    def __init__(self, counts: Mapping[str, int], why: str) -> None:
        super().__init__(
            f"None of {counts['candidates']} candidates was finished, {counts['failed']} failed; "
            f"the first: {why}"
        )


class SharedTooOften(AfterRayError):
    """Something that all candidates rest on and that failed too often to be run again unasked."""

    def __init__(self, failures: Iterable[Failure], needed: Collection[str]) -> None:
        sentence = next(each.sentence for each in failures if each.quarantined and each.key in needed)
        super().__init__(
            f"What all candidates share failed too often: {sentence} Mend it, then run 'after-ray search' "
            "with --retry."
        )


@dataclass(frozen=True)
class SearchReport:
    """What one launch of a search did.

    `best`: the chosen study's file, None while candidates are missing. `left`: of the limits.
    """

    counts: dict[str, int]
    best: Path | None
    candidates: Path
    ran: int
    stopped: str | None
    drawn_out: bool
    left: Limits


def run_search(opened: OpenStudy, where: Where, limits: Limits | None = None) -> SearchReport:
    """Try the candidates that are missing, and write the best of all as a study; a second call tries none.

    Raises:
        AfterRayError: when nothing can be run, or what all candidates share failed, or no candidate finished.
    """
    prepare(opened)
    book = Book.open(opened)
    budget = Budget(limits or Limits())
    outcome, drawn_out = Outcome(0), False
    if book.counts()["missing"] or any(not state.settled for state in book.states.values()):
        with running_ray(where):
            outcome = _share(book, where, budget)
            if outcome.stopped is None:
                outcome, drawn_out = _try_candidates(book, where, budget)
    return _report(opened, book, outcome, drawn_out, budget)


def _share(book: Book, where: Where, budget: Budget) -> Outcome:
    """Run what all candidates share."""
    jobs = shared_jobs(book.expander, book.store.ledger.finished())
    if not jobs:
        return Outcome(0)
    with meter("stages that all candidates share", len(jobs)) as shown:
        outcome = launch_jobs(jobs, book.store, where, budget, SharedShown(shown))
    for sentence in outcome.failed.values():
        raise AfterRayError(f"What all candidates share failed, so none was tried: {sentence}")
    if outcome.quarantined:
        raise SharedTooOften(book.store.ledger.failures().values(), jobs.keys())
    return outcome


def _try_candidates(book: Book, where: Where, budget: Budget) -> tuple[Outcome, bool]:
    """Run candidates until all that are wanted are settled, or a budget is spent."""
    from sweeps.launching.watching import TrialWatcher
    from sweeps.search.handing import CandidatesInTurn
    from sweeps.search.proposing import proposer_of
    from sweeps.search.schedulers import scheduler_of

    interrupt, scratch = Interrupt(), scratch_folder(book.store, where)
    search = book.expander.search
    settled = [one for one in book.wanted if book.states[one.number].settled]
    known = {one.key: book.values(one) for one in settled if one.key is not None}
    with interrupt.listening(), meter("candidates", search.candidates) as shown:
        proposer, room = proposer_of(search), Room(book, where, budget)
        hands = CandidatesInTurn(book, proposer, room, scratch / "halt")
        scheduler = scheduler_of(search, book.expander.rungs, known, hands.sets_aside)
        watcher = TrialWatcher(book.store, hands, budget, CandidatesShown(shown, book), interrupt)
        try:
            run_trials(hands, watcher, scratch, scheduler)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            with suppress(OSError):
                hands.write_notes()
                write_candidates(book)
    stopped = watcher.stopped or hands.unavailable or (budget.why_held_back() if hands.waiting else None)
    return Outcome(watcher.ran, watcher.failed, stopped=stopped), hands.drawn_out


class SharedShown:
    """Counts the finished stages that all candidates share."""

    def __init__(self, shown: Meter) -> None:
        self._shown, self._done = shown, 0

    def on_trial(self, job: Job, result: Mapping[str, Any]) -> None:
        """One step of a trial."""
        if result.get("said"):
            self._shown.say(f"warning: {result['said']}")
        if result.get("failed"):
            self._shown.say(f"failed: {job.kind} {job.key[:8]}: {result['failed']}")
        elif result.get("done") and not any(result.get(end) for end in UNFINISHED):
            self._done += 1
            self._shown.to(self._done)

    def on_standing(self, standing: Standing) -> None:
        """Nothing."""


class CandidatesShown:
    """Counts settled candidates, and keeps their table while they run."""

    def __init__(self, shown: Meter, book: Book) -> None:
        self._shown, self._book = shown, book

    def on_trial(self, job: Job, result: Mapping[str, Any]) -> None:
        """One step of a candidate."""
        if result.get("said"):
            self._shown.say(f"warning: {result['said']}")
        if result.get("failed"):
            self._shown.say(f"failed: candidate {job.key[:8]}: {result['failed']}")

    def on_standing(self, standing: Standing) -> None:
        """Now and then: how many candidates are settled."""
        counts = self._book.counts()
        self._shown.to(counts["candidates"] - counts["missing"])
        with suppress(OSError):  # trials wait for the store by themselves, and the table is written again
            write_candidates(self._book)


def _report(opened: OpenStudy, book: Book, outcome: Outcome, drawn_out: bool, budget: Budget) -> SearchReport:
    book.look_again()
    table, counts, best = write_candidates(book), book.counts(), None
    if outcome.stopped is None:
        chosen = book.best()
        if chosen is None:
            raise NothingFinished(counts, book.first_sentence())
        best = write_best(opened, book, chosen)
    limits = budget.limits
    left = Limits(
        None if limits.hours is None else max(0.0, limits.hours - budget.hours),
        None if limits.gpu_hours is None else max(0.0, limits.gpu_hours - budget.gpu_hours),
    )
    return SearchReport(counts, best, table, outcome.ran, outcome.stopped, drawn_out, left)
