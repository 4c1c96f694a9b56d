"""A driver without Ray: runs the jobs of a plan in order in this process, and begins again after a kill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from after_ray.environment import Execution
from after_ray.execution import corpus, folds
from after_ray.preemption import NOTICE
from after_ray.store import Outage, Store
from sweeps.planning.jobs import Job, jobs_of
from sweeps.running.studies import mend_records
from sweeps.study.opening import OpenStudy
from sweeps.tracking import MirrorThread, _thread
from sweeps.tracking.errors import TrackerUnreachable, fills_in
from sweeps.tracking.mirrored import MirroredStudy, MirroredTrajectory
from sweeps.tracking.mirroring import mirrored_trajectory
from trainables import trial
from trainables.trial import StageTrial


class Killed(BaseException):
    """A process that is no more: nothing in the product may catch this."""


class Tracker:
    """A tracker in memory, with the interface of the mirror; counts what it was given of each trajectory."""

    def __init__(self) -> None:
        self.reachable = True
        self.made: Counter[str] = Counter()

    links = None

    def __call__(self, tracking_uri: str, store: Store, say: object) -> Tracker:
        return self

    def open_study(self, study: MirroredStudy) -> None:
        if not self.reachable:
            raise TrackerUnreachable("http://fake", "switched off", fills_in("after-ray mirror small.yaml"))

    def trajectory(self, trajectory: MirroredTrajectory) -> bool:
        if not self.reachable:
            raise ConnectionError("switched off")
        if trajectory.key in self.made:
            return False
        self.made[trajectory.key] += 1
        return True

    def progress(self, *numbers: object) -> None:
        """Nothing."""

    def summarize(self) -> None:
        """Nothing."""

    def close_study(self) -> None:
        """Nothing."""

    def release(self) -> None:
        """Nothing."""


class Driver:
    """Launches a study again and again until nothing is missing; `said`: what the operator is told."""

    def __init__(self, opened: OpenStudy, caches: Path, tracker: Tracker, patch: pytest.MonkeyPatch) -> None:
        self.opened, self.tracker, self.said = opened, tracker, list[str]()
        self.driver_dies = False  # with its trial
        self._caches, self._nodes = caches, 0
        self.on_sleep: Callable[[], None] = lambda: None
        patch.setattr(_thread, "Mirror", tracker)
        patch.setattr(trial, "Outage", partial(Outage, sleep=lambda seconds: self.on_sleep()))

    def lose_the_node(self) -> None:
        """What follows runs where nothing is cached yet."""
        self._nodes += 1
        corpus._open.cache_clear()
        folds.open_folds.cache_clear()

    def run(self, launches: int = 2) -> None:
        """Launch until a launch ends in order and the tracker has everything."""
        for _ in range(launches):
            try:
                if self.launch():
                    return
            except Killed:
                continue
        raise AssertionError(f"not done after {launches} launches")

    def launch(self) -> bool:
        """One launch, as `sweeps.running.studies` does it; whether the tracker had everything at its end."""
        mend_records([self.opened])
        store = self.opened.store
        study = MirroredStudy("small", "", {}, {})
        mirror = MirrorThread("http://fake", store, study, retry_seconds=60, say=self.said.append)
        try:
            waiting = list(jobs_of([self.opened.plan], store.ledger.finished()).values())
            while waiting:
                job = waiting.pop(0)
                if self._trial(job).get("preempted"):
                    NOTICE.withdraw()  # the next process was told nothing
                    waiting.insert(0, job)
            for trajectory in self.opened.plan.trajectories:
                mirror.submit(mirrored_trajectory(self.opened, trajectory))
        finally:
            report = mirror.close(timeout=10)
        return report.pending == 0

    def _trial(self, job: Job) -> dict[str, Any]:
        while True:
            try:
                return self._steps(job)
            except Killed:
                if self.driver_dies:
                    raise

    def _steps(self, job: Job) -> dict[str, Any]:
        cache = str(self._caches / str(self._nodes))
        execution = Execution(str(self.opened.store.root), cache, checkpoint_seconds=0)
        process = StageTrial.__new__(StageTrial)  # its constructor is Ray's
        process.setup({"kind": job.kind, "stage": job.stage, "execution": execution})
        while True:
            told = process.step()
            assert not told.get("failed"), told["failed"]
            assert not told.get("stopped"), told["stopped"]
            if told.get("said"):
                self.said.append(told["said"])
            if told["done"]:
                return told
