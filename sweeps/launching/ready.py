"""Which trial runs next: a job is handed to Tune as soon as the stages it needs are finished, never before.

There is no barrier between the kinds of jobs, and no trial waits while it holds a processor or a GPU: Tune
asks this searcher for work, and the answer "nothing to run yet" is allowed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from ray.tune.search import Searcher

from after_ray.environment import Execution
from sweeps.launching.excused import Excused
from sweeps.leases.claims import Claims
from sweeps.planning.jobs import Job, Size, resting_on
from trainables.halt import Halt

ATTEMPTS = 3  # of one job in one launch, where trying again may help


class ReadyFirst(Searcher):
    """A Tune searcher that suggests the next job whose needs are met.

    Args:
        jobs: what is to be run, by key.
        execution_of: where and how a job runs.
        halt: a file that running trials look for before they begin anything; `halt()` makes it.
        may_start: asked before a job is handed out; False keeps it waiting (a budget that it would exceed).
        priorities: seconds of the longest chain of jobs that begins with each; longest first. Jobs
            without a number keep their order behind those that have one.
        most_out: how many jobs of a job's size may be handed out and not ended at once, whether they run or
            wait for room: each size has its own limit, so that none keeps another out.
        claims: which jobs other launches are at work on.
        finished: told the stages of a job that another launch has finished.
    """

    def __init__(
        self,
        jobs: Mapping[str, Job],
        execution_of: Callable[[Job], Execution],
        halt: Halt | None = None,
        may_start: Callable[[Job], bool] = lambda job: True,
        priorities: Mapping[str, float] | None = None,
        most_out: Callable[[Job], float] = lambda job: math.inf,
        claims: Claims | None = None,
        finished: Callable[[Collection[str]], None] = lambda keys: None,
    ) -> None:
        super().__init__(metric="rounds", mode="max")
        self._execution_of = execution_of
        self._halt = halt
        self._may_start, self._most_out, self._claims = may_start, most_out, claims
        self._finished = finished
        longest = priorities or {}
        self._waiting = dict(sorted(jobs.items(), key=lambda item: -longest.get(item[0], 0.0)))
        self._all = dict(jobs)
        self._running: dict[str, Job] = {}
        self._out: Counter[Size] = Counter()  # size -> jobs that run or wait for room
        self._unfinished = {key for job in jobs.values() for key in job.gives}
        self._tried: dict[str, int] = {}
        self._began: set[str] = set()  # trials that told anything
        self._excused = Excused()
        self._halted = False
        self.blocked: dict[str, str] = {}  # key of a job that cannot run -> key of the failed job

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its searcher for a restore of its own, which is never used."""
        return {}

    @property
    def running(self) -> tuple[Job, ...]:
        """The jobs that were handed out and have not ended."""
        return tuple(self._running.values())

    @property
    def waiting(self) -> tuple[Job, ...]:
        """The jobs that will still be handed out, next first."""
        return tuple(self._waiting.values())

    def halt(self) -> None:
        """Hand out nothing more; what was handed out ends before it begins anything."""
        self._halted = True
        if self._halt is not None:
            with suppress(OSError):  # on shared storage that cannot be written: trials end by themselves
                self._halt.give()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next ready job's configuration, None while all wait for running ones, FINISHED at the end."""
        self._take_in()
        job = None if self._halted else self._next()
        if job is None:
            return None if self._running or self._left_to_others else Searcher.FINISHED
        del self._waiting[job.key]
        self._running[trial_id] = job
        self._out[job.size] += 1
        return {
            "kind": job.kind,
            "stage": job.stage,
            "resources": job.resources,
            "execution": self._execution_of(job),
            "halt": "" if self._halt is None else self._halt.address,
        }

    def _next(self) -> Job | None:
        full: set[Size] = set()
        for job in self._waiting.values():
            if job.size in full or not job.needs.isdisjoint(self._unfinished):
                continue
            if self._out[job.size] >= self._most_out(job):
                full.add(job.size)
            elif self._may_start(job) and self._is_mine(job):
                return job
        return None

    def _is_mine(self, job: Job) -> bool:
        return self._claims is None or self._claims.take(job.key)

    @property
    def _left_to_others(self) -> bool:
        """Whether another launch is at work on a job that is wanted here, too, and could start here."""
        if self._claims is None or self._halted:
            return False
        waiting = self._waiting.values()
        return any(self._claims.is_elsewhere(job.key) and self._may_start(job) for job in waiting)

    def _take_in(self) -> None:
        """What other launches have finished meanwhile needs no trial here."""
        for key in () if self._claims is None else self._claims.finished_elsewhere():
            if (job := self._waiting.pop(key, None)) is not None:
                self._unfinished.difference_update(job.gives)
                self._finished(job.gives)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """A round of a trajectory is finished: who leaves its path there may start."""
        self._began.add(trial_id)
        job = self._running.get(trial_id)
        if job is not None and result.get("rounds") and not result.get("failed"):
            self._unfinished.difference_update(job.chain(int(result["rounds"])))
            self._tried.pop(job.key, None)  # it gets on

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Release what waited for this job; try it again where that may help; else block what rests on it."""
        job = self._running.pop(trial_id, None)
        if job is None:
            return
        self._out[job.size] -= 1
        if self._claims is not None:
            self._claims.give_back(job.key)
        told = result or {}
        if told.get("halted") or told.get("stopped") or told.get("awaiting"):
            return
        if told.get("preempted"):
            self._excused.handed_on()
        if told.get("preempted") or (error and self._excused.excuses(began=trial_id in self._began)):
            self._waiting = {job.key: job, **self._waiting}
        elif error or told.get("failed"):
            self._failed(job, again=error or bool(told.get("again")))
        elif job.kind == "trajectory":  # Tune also calls one done that was stopped between two rounds
            self._unfinished.difference_update(job.chain(int(told.get("rounds", 0))))
        else:
            self._unfinished.difference_update(job.gives)

    def _failed(self, job: Job, *, again: bool) -> None:
        self._tried[job.key] = self._tried.get(job.key, 0) + 1
        if again and self._tried[job.key] < ATTEMPTS:
            self._waiting[job.key] = job
            return
        for key, cause in resting_on(self._all, {job.key}, self._unfinished).items():
            if self._waiting.pop(key, None) is not None:
                self.blocked[key] = cause

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the next launch plans anew from the store."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the next launch plans anew from the store."""
