"""Which candidate runs next: those of an earlier launch first, then what the algorithm proposes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from ray.tune.search import Searcher

from after_ray.candidate import CandidateStage
from after_ray.environment import Execution
from after_ray.store import Outage
from after_ray.store.outage import StoreUnavailable
from after_ray.store.pruned import Pruned
from sweeps.launching.excused import Excused
from sweeps.launching.ready import ATTEMPTS
from sweeps.planning.jobs import Job
from sweeps.searching.book import Book, State
from sweeps.searching.candidates import Candidate
from sweeps.searching.making import Making
from sweeps.searching.proposing import METRIC, Proposer
from sweeps.study.search.space import Configuration
from trainables.halt import Halt


class HasRoom(Protocol):
    """Where candidates run."""

    def execution_of(self, job: Job) -> Execution:
        """Where and how a candidate runs."""

    def is_left(self, running: Sequence[Job]) -> bool:
        """Whether one more candidate would run now; asked before one is drawn."""

    def may_start(self, job: Job) -> bool:
        """Whether a candidate fits in the budget."""


class CandidatesInTurn(Searcher):
    """A Tune searcher whose trials are candidates.

    A candidate whose record or note stands already is settled without a trial, one that is refused fails
    without one, and of two candidates that mean the same the second waits for the first's record. One that
    rests on what another makes at that moment waits as well, and is drawn ahead of its turn only as long as
    no more wait than run. A lost process is handed out again: the scheduler knows candidates, not trials.

    Args:
        book: the candidates and how they stand.
        proposer: draws new ones.
        room: where candidates run, and whether one more would now.
        halt: a file that running trials look for before they begin anything; `halt()` makes it.
        outage: of the store, as far as this searcher writes to it.
    """

    def __init__(
        self,
        book: Book,
        proposer: Proposer,
        room: HasRoom,
        halt: Halt | None = None,
        outage: Outage | None = None,
    ) -> None:
        super().__init__(metric=METRIC, mode="max")
        self._book, self._proposer, self._room, self._halt = book, proposer, room, halt
        self._outage = outage or Outage(book.store.url)
        self._making = Making(book.store)
        self._waiting, self._taken = list(book.wanted), len(book.wanted)
        self._running: dict[str, tuple[Candidate, Job]] = {}
        self._aside: set[str] = set()  # trials that end, but not their candidates
        self._passed: dict[str, int] = {}  # key -> rungs
        self._tried: dict[str, int] = {}
        self._began: set[str] = set()  # trials that told anything
        self._excused = Excused()
        self._unwritten: list[Pruned] = []
        self._proposed: Configuration | None = None  # and not written down yet
        self._halted = False
        self.drawn_out = False
        self.unavailable: str | None = None  # one sentence once the store was gone for too long
        self.blocked: dict[str, str] = {}  # nothing rests on a candidate

    @property
    def running(self) -> tuple[Job, ...]:
        """The jobs that were handed out and have not ended."""
        return tuple(job for _, job in self._running.values())

    @property
    def waiting(self) -> tuple[Job, ...]:
        """The jobs that were drawn and will still be handed out."""
        return tuple(_job(one) for one in self._waiting if not isinstance(one.asks, str))

    def halt(self) -> None:
        """Hand out nothing more; what was handed out ends before it begins anything."""
        self._halted = True
        if self._halt is not None:
            with suppress(OSError):  # on shared storage that cannot be written: trials end by themselves
                self._halt.give()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next candidate's trial, None while there is no room, FINISHED at the end."""
        candidate = self._next_if_store_is_there()
        if candidate is None:
            waits_for_store = self._outage.lasts and not self._halted
            return None if self._running or waits_for_store else Searcher.FINISHED
        job = _job(candidate)
        self._running[trial_id] = (candidate, job)
        self._book.states[candidate.number] = State("missing")  # what failed before is tried again
        self._making.begins(trial_id, _stage(candidate), self._passed.get(job.key, 0))
        return {
            "kind": job.kind,
            "stage": job.stage,
            "resources": job.resources,
            "execution": self._room.execution_of(job),
            "halt": "" if self._halt is None else self._halt.address,
        }

    def sets_aside(self, trial_id: str, rung: int) -> bool:
        """Whether a candidate that passed a rung ends its trial for now: another makes what it needs next."""
        self._began.add(trial_id)
        candidate, job = self._running[trial_id]
        stage = _stage(candidate)
        if rung > self._passed.get(job.key, 0):
            self._tried.pop(job.key, None)  # it gets on
        passed = self._passed[job.key] = max(rung, self._passed.get(job.key, 0))
        if self._halted or passed >= len(stage.rounds):
            return False
        if self._making.must_wait(stage, passed, trial_id):
            self._aside.add(trial_id)
            return True
        self._making.begins(trial_id, stage, passed)
        return False

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """A candidate passed all its rungs, was stopped at one, failed, or is to be tried again."""
        candidate, job = self._running.pop(trial_id, (None, None))
        self._making.ended(trial_id)
        if candidate is None or job is None:
            return
        told = result or {}
        scores = tuple(told.get("scores", ()))
        if told.get("preempted"):
            self._excused.handed_on()
        excused = error and self._excused.excuses(began=trial_id in self._began)
        aside = trial_id in self._aside or told.get("preempted") or excused
        if aside or self._is_tried_again(job, told, error):
            self._waiting.insert(0, candidate)
        elif error or told.get("failed"):
            self._settle(candidate, State("failed"))
        elif told.get("finished"):
            self._settle(candidate, State("finished", scores))
        elif scores and not self._halted:  # else a budget ended it, and it goes on another time
            self._unwritten.append(Pruned(job.key, scores, self._book.expander.search.candidates))
            with suppress(OSError):  # written with the next suggestion
                self.write_notes()
            self._settle(candidate, State("pruned", scores))

    def write_notes(self) -> None:
        """Note the candidates that were stopped, also those that an outage of the store kept from it."""
        while self._unwritten:
            self._book.pruned.note(self._unwritten[0])
            del self._unwritten[0]

    def _is_tried_again(self, job: Job, told: dict[str, Any], error: bool) -> bool:
        """Where trying again may help: a process was lost, or a trial failed by what may be gone."""
        if not (error or told.get("again")):
            return False
        self._tried[job.key] = self._tried.get(job.key, 0) + 1
        return self._tried[job.key] < ATTEMPTS

    def _next_if_store_is_there(self) -> Candidate | None:
        """The next candidate; an outage of the store is waited for like trials do, then the search halts."""
        if self._halted or not self._room.is_left(self.running):
            return None
        try:
            self.write_notes()
            candidate = self._next()
        except OSError as error:
            self._wait_for_store(error)
            return None
        self._outage.over()
        return candidate

    def _wait_for_store(self, error: OSError) -> None:
        try:
            if self._outage.noticed(error) is None:
                raise error
        except StoreUnavailable as gone:
            self.unavailable = str(gone)
            self.halt()

    def _next(self) -> Candidate | None:
        """The first candidate that may run, or a new one; those that are settled already are passed over."""
        while (candidate := self._first_able() or self._drawn()) is not None:
            if not self._passed_over(candidate):
                if not self._room.may_start(_job(candidate)):
                    return None
                self._waiting.remove(candidate)
                return candidate
        return None

    def _first_able(self) -> Candidate | None:
        return next(filter(self._is_able, self._waiting), None)

    def _is_able(self, candidate: Candidate) -> bool:
        """Whether nothing that runs is, or makes, what a candidate waits for."""
        if candidate.key is None:
            return True
        rung = self._passed.get(candidate.key, 0)
        return candidate.key not in self._out() and not self._making.must_wait(_stage(candidate), rung)

    def _drawn(self) -> Candidate | None:
        """A new candidate that may run; None when there are as many as are wanted, or no others."""
        while self._may_draw():
            self._draw()
            if (candidate := self._first_able()) is not None:
                return candidate
        return None

    def _may_draw(self) -> bool:
        enough = len(self._book.candidates) >= self._book.expander.search.candidates
        return not (self.drawn_out or enough or len(self._waiting) > len(self._running))

    def _draw(self) -> None:
        """A new candidate waits then, unless there are no others."""
        if self._proposed is None:
            self._proposed = self._proposer.propose(self._book.labels)
        if self._proposed is None:
            self.drawn_out = True
            return
        try:
            self._book.add(self._proposed)
            self._proposed = None
        finally:  # also what another launch has drawn, although an outage came between
            self._waiting += self._book.wanted[self._taken :]
            self._taken = len(self._book.wanted)

    def _passed_over(self, candidate: Candidate) -> bool:
        """Settle a candidate that needs no trial: refused, or done by an earlier launch or another search."""
        state = self._book.look(candidate)
        if state.settled:
            self._waiting.remove(candidate)
            self._settle(candidate, state)
        return state.settled

    def _settle(self, candidate: Candidate, state: State) -> None:
        """Tell how a candidate ended; the store may say so a moment later: a lost process, an outage."""
        with suppress(OSError):
            self._book.look(candidate)
        known = self._book.states[candidate.number].name
        if known not in (state.name, "finished"):  # a process may be lost after it wrote its record
            self._book.states[candidate.number] = state
        name = self._book.states[candidate.number].name
        self._proposer.told(candidate.configuration, name, self._book.values(candidate))

    def _out(self) -> set[str]:
        return {job.key for job in self.running}

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the next launch opens the book."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the next launch opens the book."""


def _stage(candidate: Candidate) -> CandidateStage:
    assert not isinstance(candidate.asks, str)
    return candidate.asks.stage


def _job(candidate: Candidate) -> Job:
    assert not isinstance(candidate.asks, str)
    return Job("candidate", candidate.asks.stage, resources=candidate.asks.resources)
