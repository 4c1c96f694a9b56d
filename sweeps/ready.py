"""Which trial runs next: a job is handed to Tune as soon as the jobs it needs are finished, never before.

There is no barrier between the kinds of jobs, and no trial waits while it holds a processor or a GPU: Tune
asks this searcher for work, and the answer "nothing to run yet" is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ray.tune.search import Searcher

from after_ray.environment import Execution
from after_ray.stages import (
    MADE_BY_DRIVER,
    AdaptationStage,
    FeaturesStage,
    NextRoundStage,
    Stage,
    ancestors,
)
from sweeps.plan import Plan

# Longest and most shared first: what others wait for comes before what nobody waits for.
ORDER = {"adaptation": 0, "features": 1, "first_round": 2, "trajectory": 3}


@dataclass(frozen=True)
class Job:
    """One trial to be: its stage, its kind, and the keys of the jobs that must finish first."""

    kind: str
    stage: Stage
    needs: frozenset[str] = field(default_factory=frozenset)

    @property
    def key(self) -> str:
        """The key of the stage."""
        return self.stage.key


def jobs_of(plan: Plan, done: set[str]) -> dict[str, Job]:
    """The jobs that a plan still misses, by key, in the order in which they are preferred."""
    wanted: dict[str, Stage] = {}
    for trajectory in plan.trajectories:
        if all(stage.key in done for stage in trajectory.stages):
            continue
        wanted[trajectory.key] = trajectory.last
        for stage in (trajectory.first, *ancestors(trajectory.first)):
            if stage.key not in done and not isinstance(stage, MADE_BY_DRIVER):
                wanted[stage.key] = stage
    jobs = [Job(_kind(stage), stage, frozenset(_needed(stage) & wanted.keys())) for stage in wanted.values()]
    return {job.key: job for job in sorted(jobs, key=lambda job: ORDER[job.kind])}


def _kind(stage: Stage) -> str:
    if isinstance(stage, AdaptationStage):
        return "adaptation"
    if isinstance(stage, FeaturesStage):
        return "features"
    return "trajectory" if isinstance(stage, NextRoundStage) else "first_round"


def _needed(stage: Stage) -> set[str]:
    """Keys of the jobs before this one; the earlier rounds of a chain belong to its own trial."""
    first = stage.first if isinstance(stage, NextRoundStage) else stage
    below = {needed.key for needed in ancestors(first)}
    return below if first is stage else below | {first.key}


class ReadyFirst(Searcher):
    """A Tune searcher that suggests the next job whose needs are met."""

    def __init__(self, jobs: Mapping[str, Job], execution: Execution) -> None:
        super().__init__(metric="rounds", mode="max")
        self._execution = execution
        self._waiting = dict(jobs)
        self._running: dict[str, Job] = {}
        self._unfinished = set(jobs)
        self.blocked: dict[str, str] = {}  # key of a job that cannot run -> key of the failed job

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next ready job's configuration, None while all wait for running ones, FINISHED at the end."""
        for key, job in self._waiting.items():
            if job.needs.isdisjoint(self._unfinished):
                del self._waiting[key]
                self._running[trial_id] = job
                return {"kind": job.kind, "stage": job.stage, "execution": self._execution}
        return None if self._running else Searcher.FINISHED

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Release what waited for this job; what rests on a failed one will not run."""
        job = self._running.pop(trial_id, None)
        if job is None:
            return
        if error or (result or {}).get("failed"):
            self._block(job.key)
        else:
            self._unfinished.discard(job.key)

    def _block(self, failed: str) -> None:
        for key, job in list(self._waiting.items()):
            if failed in job.needs:
                del self._waiting[key]
                self.blocked[key] = failed

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the next launch plans anew from the store."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the next launch plans anew from the store."""
