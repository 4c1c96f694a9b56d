"""Running a search: what candidates share first, then candidates, stopped where others do better."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from after_ray.errors import AfterRayError
from after_ray.store import Failure
from sweeps._console import meter
from sweeps.launching.autoscaler import may_grow
from sweeps.launching.budget import Budget, Limits
from sweeps.launching.interrupts import Interrupt
from sweeps.launching.launch import Outcome, Where, launch_jobs, run_trials
from sweeps.launching.ray_start import running_ray
from sweeps.launching.scratch import scratch_for
from sweeps.launching.unmet import Unmet
from sweeps.planning.opening import OpenStudy
from sweeps.running.mending import mend_plans
from sweeps.running.progress import NOTHING_MORE, why_ended
from sweeps.running.studies import CLOSING_SECONDS, prepare
from sweeps.searching.book import Book, State
from sweeps.searching.following import FollowingSearch
from sweeps.searching.lease import SearchLease
from sweeps.searching.results import write_best, write_candidates
from sweeps.searching.retrying import forgive_failures
from sweeps.searching.room import Room
from sweeps.searching.shared import ends_of, shared_jobs
from sweeps.tracking import MirrorReport, MirrorThread
from sweeps.tracking.mirroring import mirrored_study


class NoCandidateFinished(AfterRayError):
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
    `mirrored`: what MLflow got of its progress, None where nothing ran or no MLflow was named.
    """

    counts: dict[str, int]
    best: Path | None
    candidates: Path
    ran: int
    stopped: str | None
    drawn_out: bool
    left: Limits
    mirrored: MirrorReport | None = None


def run_search(
    opened: OpenStudy,
    where: Where,
    limits: Limits | None = None,
    tracking_uri: str | None = None,
    retry: bool = False,
) -> SearchReport:
    """Try the candidates that are missing, and write the best of all as a study; a second call tries none.

    `tracking_uri`: of the MLflow whose parent run shows how the search stands; by default none does.
    `retry`: whether candidates that failed too often are tried again.

    Raises:
        SearchRuns: when another launch runs this search, and lives.
        AfterRayError: when nothing can be run, or what all candidates share failed, or no candidate finished.
    """
    prepare(opened)
    book = Book.open(opened)
    lease = SearchLease(book.place, opened.study.study)
    budget = HoldersBudget(limits or Limits(), lease=lease)
    outcome, drawn_out, mirrored = Outcome(0), False, None
    if retry or any(not state.settled for state in _wanted_states(book)):
        with lease.held(), _mirror(opened, tracking_uri) as mirror:
            if retry:
                forgive_failures(opened)
            book = Book.open(opened)  # another launch may have gone on until it ended
            _mend(book)
            following = FollowingSearch(opened, book, mirror.tells)
            try:
                with running_ray(where):
                    outcome = _share(book, where, budget, following)
                    if outcome.stopped is None:
                        outcome, drawn_out = _try_candidates(book, where, budget, following)
            except BaseException as error:
                following.ended(why_ended(error))
                raise
            if lease.lost is None:  # else who has taken over says how it stands
                following.ended(outcome.stopped or NOTHING_MORE)
        mirrored = mirror.report
    if (without_remedy := outcome.unmet or outcome.unavailable or lease.lost) is not None:
        raise AfterRayError(without_remedy)
    return _report(opened, book, outcome, drawn_out, budget, mirrored)


def _wanted_states(book: Book) -> list[State]:
    """How each candidate that is asked for stands, also those that were not drawn yet."""
    drawn = [book.states[one.number] for one in book.wanted]
    return drawn + [State("missing")] * (book.expander.search.candidates - len(drawn))


def _mend(book: Book) -> None:
    """Set aside what candidates that are open, or not drawn yet, stand on, where its files are gone."""
    asked = [one.asks for one in book.wanted if not isinstance(one.asks, str)]
    plans = [one.plan for one in (*asked, *ends_of(book.expander))]
    mend_plans(book.store, plans, plans)


@dataclass
class HoldersBudget(Budget):
    """A budget that also ends when another launch has taken over the search."""

    lease: SearchLease | None = None

    def exceeded(self) -> str | None:
        """One sentence once this launch is to end, None before."""
        lost = None if self.lease is None else self.lease.lost
        return lost or super().exceeded()


class _Told:
    """What MLflow is told of a search, and what it has of it at the end."""

    def __init__(self, thread: MirrorThread | None) -> None:
        self._thread = thread
        self.report: MirrorReport | None = None

    def tells(self, numbers: Mapping[str, float]) -> None:
        """Numbers of the study's parent run."""
        if self._thread is not None:
            self._thread.progress(numbers)

    def close(self) -> None:
        """Wait until they are written, for as long as a slow tracker is given."""
        if self._thread is not None:
            self.report = self._thread.close(timeout=CLOSING_SECONDS)


@contextmanager
def _mirror(opened: OpenStudy, tracking_uri: str | None) -> Iterator[_Told]:
    if tracking_uri is None:
        yield _Told(None)
        return
    told = _Told(MirrorThread(tracking_uri, opened.store, mirrored_study(opened, tracking_uri)))
    try:
        yield told
    finally:
        told.close()


def _share(book: Book, where: Where, budget: Budget, following: FollowingSearch) -> Outcome:
    """Run what all candidates share."""
    jobs = shared_jobs(book.expander, book.store.ledger.finished())
    if not jobs:
        return Outcome(0)
    with meter("stages that all candidates share", len(jobs)) as shown:
        following.shows(shown, shared=len(jobs))
        outcome = launch_jobs(jobs, book.store, where, budget, following)
    for sentence in outcome.failed.values():
        raise AfterRayError(f"What all candidates share failed, so none was tried: {sentence}")
    if outcome.quarantined:
        raise SharedTooOften(book.store.ledger.failures().values(), jobs.keys())
    return outcome


def _try_candidates(
    book: Book, where: Where, budget: Budget, following: FollowingSearch
) -> tuple[Outcome, bool]:
    """Run candidates until all that are wanted are settled, or a budget is spent."""
    from sweeps.launching.watching import TrialWatcher
    from sweeps.searching.handing import CandidatesInTurn
    from sweeps.searching.proposing import proposer_of
    from sweeps.searching.schedulers import scheduler_of

    interrupt, scratch = Interrupt(), scratch_for(book.store, where)
    search = book.expander.search
    settled = [one for one in book.wanted if book.states[one.number].settled]
    known = {one.key: book.values(one) for one in settled if one.key is not None}
    with interrupt.listening(), meter("candidates", search.candidates) as shown:
        following.shows(shown)
        proposer, room = proposer_of(search), Room(book, where, budget)
        hands = CandidatesInTurn(book, proposer, room, scratch.halt)
        scheduler = scheduler_of(search, book.expander.rungs, known, hands.sets_aside)
        unmet = Unmet(room.nodes, may_grow)
        watcher = TrialWatcher(book.store, hands, budget, following, interrupt, unmet=unmet)
        try:
            run_trials(hands, watcher, scratch, scheduler)
        finally:
            scratch.remove()
            with suppress(OSError):
                hands.write_notes()
                write_candidates(book)
    stopped = watcher.stopped or hands.unavailable or (budget.why_held_back() if hands.waiting else None)
    unavailable = watcher.unavailable or hands.unavailable
    outcome = Outcome(
        watcher.ran, watcher.failed, stopped=stopped, unavailable=unavailable, unmet=watcher.unmet
    )
    return outcome, hands.drawn_out


def _report(
    opened: OpenStudy,
    book: Book,
    outcome: Outcome,
    drawn_out: bool,
    budget: Budget,
    mirrored: MirrorReport | None,
) -> SearchReport:
    book.look_again()
    table, counts, best = write_candidates(book), book.counts(), None
    if outcome.stopped is None:
        chosen = book.best()
        if chosen is None:
            raise NoCandidateFinished(counts, book.first_sentence())
        best = write_best(opened, book, chosen)
    limits = budget.limits
    left = Limits(
        None if limits.hours is None else max(0.0, limits.hours - budget.hours),
        None if limits.gpu_hours is None else max(0.0, limits.gpu_hours - budget.gpu_hours),
    )
    return SearchReport(counts, best, table, outcome.ran, outcome.stopped, drawn_out, left, mirrored)
