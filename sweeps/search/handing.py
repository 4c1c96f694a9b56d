"""Which candidate runs next: those of an earlier launch first, then what the algorithm proposes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from ray.tune.search import Searcher

from after_ray.environment import Execution
from after_ray.store.pruned import Pruned, PrunedNotes
from sweeps.launching.ready import ATTEMPTS
from sweeps.planning.jobs import Job
from sweeps.search.book import Book, Name, State
from sweeps.search.candidates import Candidate
from sweeps.search.proposing import METRIC, Proposer


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
    without one, and of two candidates that mean the same the second waits for the first's record.

    Args:
        book: the candidates and how they stand.
        proposer: draws new ones.
        room: where candidates run, and whether one more would now.
        halt: a file that running trials look for before they begin anything; `halt()` makes it.
    """

    def __init__(self, book: Book, proposer: Proposer, room: HasRoom, halt: Path | None = None) -> None:
        super().__init__(metric=METRIC, mode="max")
        self._book, self._proposer, self._room, self._halt = book, proposer, room, halt
        self._waiting = list(book.wanted)
        self._running: dict[str, tuple[Candidate, Job]] = {}
        self._tried: dict[int, int] = {}
        self._halted = False
        self.drawn_out = False
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
                self._halt.touch()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next candidate's trial, None while there is no room, FINISHED at the end."""
        candidate = self._next() if not self._halted and self._room.is_left(self.running) else None
        if candidate is None:
            return None if self._running else Searcher.FINISHED
        job = _job(candidate)
        self._running[trial_id] = (candidate, job)
        return {
            "kind": job.kind,
            "stage": job.stage,
            "resources": job.resources,
            "execution": self._room.execution_of(job),
            "halt": "" if self._halt is None else str(self._halt),
        }

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """A candidate passed all its rungs, was stopped at one, failed, or is to be tried again."""
        candidate, job = self._running.pop(trial_id, (None, None))
        if candidate is None or job is None:
            return
        told = result or {}
        if told.get("preempted") or self._is_tried_again(candidate, told, error):
            self._waiting.insert(0, candidate)
        elif error or told.get("failed"):
            self._settle(candidate, "failed")
        elif told.get("finished"):
            self._settle(candidate, "finished")
        elif "scores" in told and not self._halted:  # else a budget ended it, and it goes on another time
            PrunedNotes(self._book.store.root).note(Pruned(job.key, tuple(told["scores"])))
            self._settle(candidate, "pruned")

    def _is_tried_again(self, candidate: Candidate, told: dict[str, Any], error: bool) -> bool:
        if error or not told.get("again"):
            return False
        self._tried[candidate.number] = self._tried.get(candidate.number, 0) + 1
        return self._tried[candidate.number] < ATTEMPTS

    def _next(self) -> Candidate | None:
        """The first candidate that may run, or a new one; those that are settled already are passed over."""
        while (candidate := self._first_able() or self._drawn()) is not None:
            if candidate.key in self._out():
                continue
            if not self._passed_over(candidate):
                if not self._room.may_start(_job(candidate)):
                    return None
                self._waiting.remove(candidate)
                return candidate
        return None

    def _first_able(self) -> Candidate | None:
        return next((one for one in self._waiting if one.key not in self._out()), None)

    def _drawn(self) -> Candidate | None:
        """A new candidate, which waits then; None when there are as many as are wanted, or no others."""
        if self.drawn_out or len(self._book.candidates) >= self._book.expander.search.candidates:
            return None
        configuration = self._proposer.propose(self._book.labels)
        if configuration is None:
            self.drawn_out = True
            return None
        self._waiting.append(self._book.add(configuration))
        return self._waiting[-1]

    def _passed_over(self, candidate: Candidate) -> bool:
        """Settle a candidate that needs no trial: refused, or done by an earlier launch or another search."""
        state = self._book.look(candidate)
        if state.settled:
            self._waiting.remove(candidate)
            self._settle(candidate, state.name)
        return state.settled

    def _settle(self, candidate: Candidate, name: Name) -> None:
        if self._book.look(candidate).name != name:  # the note of a lost process is written a moment later
            self._book.states[candidate.number] = State(name)
        self._proposer.told(candidate.configuration, name, self._book.values(candidate))

    def _out(self) -> set[str]:
        return {job.key for job in self.running}

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the next launch opens the book."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the next launch opens the book."""


def _job(candidate: Candidate) -> Job:
    assert not isinstance(candidate.asks, str)
    return Job("candidate", candidate.asks.stage, resources=candidate.asks.resources)
