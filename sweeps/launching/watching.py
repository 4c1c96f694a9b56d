"""What the driver sees of running trials: starts, steps, ends and failures, as Tune reports them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ray.tune import Callback, Stopper
from ray.tune.experiment import Trial

from after_ray.store import Store
from sweeps.launching.budget import Budget
from sweeps.launching.eta import Eta
from sweeps.launching.excused import Excused
from sweeps.launching.interrupts import Interrupt
from sweeps.launching.sight import UNFINISHED, Following, HandsOut, Standing
from sweeps.launching.unmet import Unmet
from sweeps.planning.jobs import Job

SECONDS_BETWEEN_STANDINGS = 2.0
DIED = "The trial's process was lost (out of memory, killed, or its node is gone); see the node's Ray logs."
LOST = (
    "The process of a trial was lost (killed, out of memory, or its node is gone); the trial is started "
    "again, from its last checkpoint."
)


class TrialWatcher(Callback, Stopper):
    """Passes each trial's steps on, collects failures by key, and keeps the budget; no Ctrl-C is lost."""

    def __init__(
        self,
        store: Store,
        searcher: HandsOut,
        budget: Budget,
        following: Following,
        interrupt: Interrupt,
        eta: Eta | None = None,
        unmet: Unmet | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._searcher, self._budget = store, searcher, budget
        self._following, self._interrupt, self._clock = following, interrupt, clock
        self._eta, self._unmet = eta, unmet
        self._since: dict[str, float] = {}  # key of a running job -> when it started
        self._told = -SECONDS_BETWEEN_STANDINGS
        self._noted = set(store.ledger.failures())  # keys with a note of failure
        self._other_code: set[str] = set()  # sentences about nodes, each said once
        self._excused = Excused()
        self.ran = 0
        self.failed: dict[str, str] = {}
        self.stopped: str | None = None
        self.unavailable: str | None = None  # one sentence once a trial has given up waiting for the store

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks for a restore of its own, which is never used."""
        return {}

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Asked by Tune after every step of a trial: whether it ends here, because a budget is spent."""
        self._keep_budget()
        return self.stopped is not None

    def stop_all(self) -> bool:
        """Asked by Tune now and then: whether trials that wait for room are to be given up."""
        return self.unmet is not None

    @property
    def unmet(self) -> str | None:
        """One sentence once no node can hold what is left."""
        return None if self._unmet is None else self._unmet.given_up

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Tune looks for news: a Ctrl-C that was dropped since is raised here."""
        self._interrupt.raise_if_heard()
        self._keep_budget()
        if self._clock() - self._told >= SECONDS_BETWEEN_STANDINGS:
            self._told = self._clock()
            self._following.on_standing(self._standing())
            self._look_for_room()

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial got its room: from here on it costs."""
        job = _job(trial)
        self._since[job.key] = self._clock()
        self._budget.begin(job.key, job.resources.gpu)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """One step of a trial is over."""
        job = _job(trial)
        self._tell_of_code(job, str(result.get("other_code", "")))
        if result.get("failed"):
            self.failed[job.key] = str(result["failed"])
        if result.get("halted"):
            self.ran -= result["training_iteration"] == 1  # it ended before it began anything
            return
        if result.get("preempted"):
            self._excused.handed_on()
        if result.get("rounds") or result.get("rung"):
            self._forget_failures(job)
        if result.get("stopped"):
            self.unavailable = str(result["stopped"])
            self.stop(self.unavailable)
            return
        self._following.on_trial(job, result)

    def _tell_of_code(self, job: Job, sentence: str) -> None:
        if sentence and sentence not in self._other_code:
            self._other_code.add(sentence)
            self._following.on_trial(job, {"said": sentence})

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial ended in order."""
        job = _job(trial)
        result = trial.last_result or {}
        finished = not any(result.get(end) for end in UNFINISHED)
        if finished:
            self.failed.pop(job.key, None)  # it was tried again
        if finished and self._eta is not None:
            self._eta.ended(job, self._clock() - self._since.get(job.key, self._clock()))
        self._ended(job)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial's process was lost; the searcher may hand its job out again."""
        job = _job(trial)
        if self._excused.excuses(began="training_iteration" in (trial.last_result or {})):
            self._ended(job)
            return
        failure = self._store.ledger.fail(
            job.key, DIED, cause="LostProcess", again=True, attempts=max(1, trial.num_failures)
        )
        self._noted.add(job.key)
        self._ended(job)
        if failure is not None and failure.quarantined:
            self.failed[job.key] = DIED
            self._following.on_trial(job, {"done": True, "failed": DIED})
        else:
            self._following.on_trial(job, {"said": LOST})

    def _forget_failures(self, job: Job) -> None:
        """A trajectory, or a candidate, that gets on is not one that fails again and again."""
        if job.key in self._noted:
            self._noted.discard(job.key)
            self._store.ledger.forgive([job.key])

    def _ended(self, job: Job) -> None:
        self.ran += 1
        self._since.pop(job.key, None)
        self._budget.end(job.key)

    def _keep_budget(self) -> None:
        if self.stopped is None and (sentence := self._budget.exceeded()) is not None:
            self.stop(sentence)

    def stop(self, sentence: str) -> None:
        """Hand out nothing more, and end what runs at its next step."""
        self.stopped = self.stopped or sentence
        self._searcher.halt()

    def _look_for_room(self) -> None:
        if self._unmet is None:
            return
        out = self._searcher.running
        pending = [job for job in out if job.key not in self._since]
        said = self._unmet.look([job for job in out if job.key in self._since], pending)
        if said is not None:
            self._following.on_trial(pending[0], {"said": said})
        if self._unmet.given_up is not None:
            self.stop(self._unmet.given_up)

    def _standing(self) -> Standing:
        now = self._clock()
        out = self._searcher.running
        running = tuple((job, now - self._since[job.key]) for job in out if job.key in self._since)
        pending = tuple(job for job in out if job.key not in self._since)
        waiting = (*pending, *self._searcher.waiting)
        return Standing(
            running,
            waiting,
            tuple(self._searcher.blocked),
            tuple(self.failed),
            self._budget.hours,
            self._budget.gpu_hours,
            _gpus(),
            None if self._eta is None else self._eta.hours(running, waiting),
        )


def _gpus() -> tuple[float, float]:
    """GPUs that trials hold, and GPUs there are."""
    import ray

    there = ray.cluster_resources().get("GPU", 0.0)
    return (there - ray.available_resources().get("GPU", 0.0), there) if there else (0.0, 0.0)


def _job(trial: Trial) -> Job:
    return Job(trial.config["kind"], trial.config["stage"], resources=trial.config["resources"])
