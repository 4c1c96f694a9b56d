"""A driver without Ray: `run_studies` itself, with Tune's place taken by a loop in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from ray.tune.search import Searcher

from after_ray.execution import corpus, folds
from after_ray.preemption import NOTICE
from after_ray.store import Outage, Store
from sweeps._console import Meter
from sweeps.launching import launch, watching
from sweeps.launching.ray_start import Nodes, Offer, Where
from sweeps.launching.scratch import Scratch
from sweeps.planning.opening import OpenStudy
from sweeps.running.studies import run_studies
from sweeps.tracking import _thread
from sweeps.tracking.errors import TrackerUnreachable, fills_in
from sweeps.tracking.mirrored import MirroredStudy, MirroredTrajectory
from trainables import trial
from trainables.trial import StageTrial


class Killed(BaseException):
    """A process that is no more: nothing in the product may catch this."""


class Tracker:
    """A tracker in memory, that gives each launch a mirror.

    `made`: the trajectories it has. `most`: how often one launch gave one of them, at most.
    """

    def __init__(self) -> None:
        self.reachable = True
        self.made: set[str] = set()
        self.most = 0

    def __call__(self, tracking_uri: str, store: Store, say: object) -> TrackersMirror:
        return TrackersMirror(self)


class TrackersMirror:
    """The mirror of one launch."""

    links = None

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._given: Counter[str] = Counter()

    def open_study(self, study: MirroredStudy) -> None:
        if not self._tracker.reachable:
            raise TrackerUnreachable("http://fake", "switched off", fills_in("after-ray mirror small.yaml"))

    def trajectory(self, trajectory: MirroredTrajectory) -> bool:
        if not self._tracker.reachable:
            raise ConnectionError("switched off")
        self._given[trajectory.key] += 1
        self._tracker.most = max(self._tracker.most, self._given[trajectory.key])
        new = trajectory.key not in self._tracker.made
        self._tracker.made.add(trajectory.key)
        return new

    def progress(self, *numbers: object) -> None:
        """Nothing."""

    def summarize(self) -> None:
        """Nothing."""

    def close_study(self) -> None:
        """Nothing."""

    def release(self) -> None:
        """Nothing."""


class TrialInHand:
    """What the watcher reads of a trial of Tune's."""

    def __init__(self, number: int, config: dict[str, Any]) -> None:
        self.trial_id, self.config = str(number), config
        self.last_result: dict[str, Any] = {}
        self.num_failures = 0


class Driver:
    """Launches a study again and again until nothing is missing; `said`: what the operator is told."""

    def __init__(self, opened: OpenStudy, caches: Path, tracker: Tracker, patch: pytest.MonkeyPatch) -> None:
        self.opened, self.tracker, self.said = opened, tracker, list[str]()
        self.driver_dies = False  # with its trial
        self._caches, self._nodes = caches, 0
        self.on_sleep: Callable[[], None] = lambda: None
        patch.setattr(_thread, "Mirror", tracker)
        patch.setattr(_thread, "print_warning", self.said.append)
        patch.setattr(Meter, "say", lambda meter, line: self.said.append(line))
        patch.setattr(trial, "Outage", partial(Outage, sleep=lambda seconds: self.on_sleep()))
        patch.setattr(launch, "running_ray", lambda where: nullcontext())
        patch.setattr(launch, "run_trials", self._run_trials)
        patch.setattr(watching, "_gpus", lambda: (0.0, 0.0))
        patch.setattr(Nodes, "found", classmethod(lambda cls, where: cls((Offer(1.0),), growing=False)))

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
        """One launch; whether the tracker had everything at its end."""
        where = Where(cache=self._caches / str(self._nodes))
        report = run_studies([self.opened], where, "http://fake")
        assert report.outcome.failed == {}, report.outcome.failed
        assert report.outcome.stopped is None
        return all(mirrored.pending == 0 for mirrored in report.mirrored)

    def _run_trials(self, searcher: Any, watcher: Any, scratch: Scratch) -> None:
        """As Tune does it, one trial at a time."""
        for number in count():
            config = searcher.suggest(str(number))
            if config == Searcher.FINISHED:
                return
            hand = TrialInHand(number, config)
            watcher.on_step_begin(number, [hand])
            watcher.on_trial_start(number, [hand], hand)
            try:
                self._steps(hand, searcher, watcher)
            except Killed:
                if self.driver_dies:
                    raise
                hand.num_failures += 1
                watcher.on_trial_error(number, [hand], hand)
                searcher.on_trial_complete(hand.trial_id, error=True)

    def _steps(self, hand: TrialInHand, searcher: Any, watcher: Any) -> None:
        process = StageTrial.__new__(StageTrial)  # its constructor is Ray's
        process.setup(hand.config)
        told: dict[str, Any] = {"done": False}
        while not told["done"]:
            told = {"training_iteration": 1, **process.step()}
            hand.last_result = told
            watcher.on_trial_result(0, [hand], hand, told)
            if not told["done"]:
                searcher.on_trial_result(hand.trial_id, told)
        searcher.on_trial_complete(hand.trial_id, told)
        watcher.on_trial_complete(0, [hand], hand)
        if told.get("preempted"):
            NOTICE.withdraw()  # the next process was told nothing
