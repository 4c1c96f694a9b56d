"""Launching plans: Ray Tune runs the stages that are missing, each as soon as what it needs is there."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from after_ray.code_state import keep_code_state
from after_ray.environment import Execution
from after_ray.sources import source_of
from after_ray.store import Store
from sweeps.launching.autoscaler import may_grow
from sweeps.launching.budget import Budget, Limits
from sweeps.launching.eta import Eta
from sweeps.launching.forecast import Forecast, Forecaster, unknown
from sweeps.launching.interrupts import Interrupt
from sweeps.launching.ray_start import Nodes, Where, execution_for, running_ray
from sweeps.launching.scratch import Scratch, scratch_for
from sweeps.launching.sight import Following, Nobody
from sweeps.launching.unmet import Unmet
from sweeps.leases.claims import Claims
from sweeps.planning.jobs import Job, jobs_of, resting_on
from sweeps.planning.plan import Plan
from sweeps.scheduling.schedule import Capacity
from sweeps.study.declaration import Resources
from sweeps.study.gpu_models import RAY_AMOUNT, RAY_PREFIX

if TYPE_CHECKING:
    from sweeps.launching.watching import TrialWatcher

__all__ = ["Outcome", "Where", "launch", "launch_jobs", "run_trials"]

PENDING_AT_LEAST = 16  # trials of one size that wait for room, so that an autoscaler sees what is wanted
SECONDS_BETWEEN_LOOKS = 10.0  # at the nodes of a cluster that grows


@dataclass(frozen=True)
class Outcome:
    """What a launch did: how many trials ran, one sentence for each that failed, and why it stopped early."""

    ran: int
    failed: Mapping[str, str] = field(default_factory=dict)
    blocked: int = 0  # trials that rest on a failed one
    quarantined: int = 0  # trials that were not run because they failed too often before
    stopped: str | None = None
    unavailable: str | None = None  # the same where the store was gone for too long
    unmet: str | None = None  # the same where no node can hold what is left


def launch(
    plans: Sequence[Plan],
    store: Store,
    where: Where,
    following: Following | None = None,
    limits: Limits | None = None,
    forecaster: Forecaster = unknown,
    clock: Callable[[], float] = time.monotonic,
    forgiven: Collection[str] = (),
) -> Outcome:
    """Run everything that plans still miss; returns when nothing more can run, or a budget is spent.

    The prepared audio must be in the store. `following` is told of what is finished already, and of every
    step of every trial. With a forecast the longest chains begin first, and a budget starts nothing that
    would not fit. `clock`: seconds, what the budget goes by. `forgiven`: keys of failures that do not count
    any more; their notes are removed as they are handed out.
    """
    following = following or Nobody()
    finished = store.ledger.finished()
    following.on_finished(finished)
    budget = Budget(limits or Limits(), clock=clock)
    return launch_jobs(jobs_of(plans, finished), store, where, budget, following, forecaster, forgiven)


def launch_jobs(
    missing: dict[str, Job],
    store: Store,
    where: Where,
    budget: Budget,
    following: Following | None = None,
    forecaster: Forecaster = unknown,
    forgiven: Collection[str] = (),
) -> Outcome:
    """Like `launch`, for a part of the jobs of plans; what a job needs is finished or among them."""
    jobs, quarantined = _without_quarantined(missing, store, forgiven)
    if not jobs:
        return Outcome(0, quarantined=quarantined)
    forecast = forecaster(jobs)
    budget.expected = forecast.measured
    interrupt = Interrupt()
    with running_ray(where), interrupt.listening():
        run = _Run(jobs, store, where, budget, forecast, following or Nobody(), interrupt, forgiven)
        return run.to_the_end(quarantined)


def _without_quarantined(
    jobs: dict[str, Job], store: Store, forgiven: Collection[str]
) -> tuple[dict[str, Job], int]:
    """The jobs but for those that failed too often, and what rests on these."""
    noted = store.ledger.failures().items()
    barred = {key for key, note in noted if note.quarantined and key in jobs and key not in forgiven}
    everything = {key for job in jobs.values() for key in job.gives}
    out = barred | resting_on(jobs, barred, everything).keys()
    return {key: job for key, job in jobs.items() if key not in out}, len(out)


class _Run:
    """One launch on a Ray that runs."""

    def __init__(
        self,
        jobs: dict[str, Job],
        store: Store,
        where: Where,
        budget: Budget,
        forecast: Forecast,
        following: Following,
        interrupt: Interrupt,
        forgiven: Collection[str],
    ) -> None:
        from sweeps.launching.ready import ReadyFirst
        from sweeps.launching.watching import TrialWatcher

        self._store, self._where, self._budget = store, where, budget
        self._forgiven = set(forgiven)
        self._code = keep_code_state(store)
        self._nodes, self._looked = Nodes.found(where), time.monotonic()
        demanded = {job.resources for job in jobs.values()}
        self._models = {resources.gpu_model for resources in demanded if resources.gpu}
        for resources in demanded:
            self._nodes.check(resources)
        self._scratch = scratch_for(store, where)
        halt = self._scratch.halt
        self._claims = Claims(store)
        self._searcher = ReadyFirst(
            jobs,
            self._execution_of,
            halt,
            self._fits,
            forecast.chains,
            self._most_out,
            self._claims,
            following.on_finished,
        )
        eta = Eta(forecast.seconds, self._capacity)
        unmet = Unmet(self._nodes_now, may_grow)
        self._watcher = TrialWatcher(store, self._searcher, budget, following, interrupt, eta, unmet)

    def to_the_end(self, quarantined: int) -> Outcome:
        """Run until nothing more can run."""
        try:
            with self._claims.held():
                run_trials(self._searcher, self._watcher, self._scratch)
        finally:
            self._scratch.remove()
        watcher, searcher = self._watcher, self._searcher
        left = bool(searcher.waiting)
        stopped = watcher.stopped or (self._budget.why_held_back() if left else None)
        blocked = len(searcher.blocked)
        return Outcome(
            watcher.ran, watcher.failed, blocked, quarantined, stopped, watcher.unavailable, watcher.unmet
        )

    def _execution_of(self, job: Job) -> Execution:
        """Asked when a job is handed out."""
        if job.key in self._forgiven:
            self._forgiven.discard(job.key)
            with suppress(OSError):  # a store that cannot be written: it counts once more
                self._store.ledger.forgive([job.key])
        execution = execution_for(job.resources, self._nodes, self._store, self._where, self._code)
        return replace(execution, source=source_of(job.stage))

    def _fits(self, job: Job) -> bool:
        """Whether a job fits in the budget."""
        return self._budget.allows(job.key, job.resources.gpu)

    def _most_out(self, job: Job) -> int:
        """As many as run, and some that wait for room: an autoscaler sees what is wanted."""
        return 2 * self._nodes_now().slots(job.resources) + PENDING_AT_LEAST

    def _capacity(self) -> Capacity:
        return self._nodes_now().capacity_for(self._models)

    def _nodes_now(self) -> Nodes:
        if self._nodes.growing and time.monotonic() - self._looked > SECONDS_BETWEEN_LOOKS:
            self._nodes, self._looked = Nodes.found(self._where), time.monotonic()
        return self._nodes


def run_trials(searcher: Any, watcher: TrialWatcher, scratch: Scratch, scheduler: Any = None) -> None:
    """Let Tune run what a searcher hands out, until it is finished; without a scheduler none is stopped.

    A trial whose process is lost is the searcher's to hand out again: Tune itself does not start one again
    that is lost while a process takes it over.
    """
    # Each size of trial has a limit of its own (`ReadyFirst`), so that none keeps another out.
    os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", "100000")
    from ray import tune

    from trainables.trial import StageTrial

    logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)  # lost trials are told by the watcher
    tune.Tuner(
        tune.with_resources(StageTrial, _placed),
        tune_config=tune.TuneConfig(
            search_alg=searcher, scheduler=scheduler, num_samples=-1, reuse_actors=True
        ),
        run_config=tune.RunConfig(
            name="trials",
            storage_path=str(scratch.tune),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # none is ever read
            verbose=0,
            callbacks=[watcher],
            stop=watcher,
        ),
    ).fit()


def _placed(config: dict[str, Any]) -> Any:
    """What Tune asks Ray for, for one trial."""
    from ray import tune

    resources: Resources = config["resources"]
    bundle = {"CPU": float(resources.cpu)} | ({"GPU": resources.gpu} if resources.gpu else {})
    if resources.gpu_model:
        bundle[f"{RAY_PREFIX}{resources.gpu_model}"] = RAY_AMOUNT
    return tune.PlacementGroupFactory([bundle])
