"""What trials say while they wait is said once for one outage."""

from __future__ import annotations

from after_ray.classifiers._settings import FunctionalsSettings
from after_ray.initialization._settings import RandomSettings
from after_ray.splits._settings import FoldChoice
from after_ray.stages import AudioStage, FirstRoundStage, NextRoundStage
from after_ray.store import Record
from sweeps.planning.jobs import Job
from sweeps.running.following import FollowingStudies
from tests.sweeps.launching.named import Named
from trainables._work import warned


class Shown:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def to(self, done: int, total: int | None = None) -> None:
        """Nothing."""


def test_one_outage_is_told_once_and_the_next_one_again() -> None:
    shown = Shown()
    following = FollowingStudies([], shown)  # type: ignore[arg-type]
    job = Job("features", Named("a"))
    for _ in range(3):
        following.on_trial(job, {"done": False, "said": "The store is full."})
        following.on_trial(job, {"done": False, "said": "A process was lost."})
    assert shown.lines == ["warning: The store is full.", "warning: A process was lost."]
    following.on_trial(job, {"done": True})
    following.on_trial(job, {"done": False, "said": "The store is full."})
    assert shown.lines[2:] == ["warning: The store is full."]


def test_a_result_that_is_chance_is_warned_of() -> None:
    shown = Shown()
    following = FollowingStudies([], shown)  # type: ignore[arg-type]
    confusion = [[0, 3], [0, 1]]
    record = Record("abcdef0123", "round", {}, measures={"ua": 0.5}, details={
        "collapsed": True, "classes": ["anger", "sad"], "confusion": confusion})  # fmt: skip
    settings = (FoldChoice(index=2), FunctionalsSettings(), RandomSettings())
    first = FirstRoundStage(AudioStage("m"), *settings, 8, 5)
    later = NextRoundStage(first, 20, "entropy", "pretrained")
    following.on_trial(Job("trajectory", Named("a")), {"done": True, **warned(record, later)})
    (line,) = shown.lines
    assert line.startswith(
        "warning: functionals (fold 2, seed 5, 20 labelled, round abcdef01) says 'sad' for"
    )
    assert line.endswith("its UA of 50.0 % is chance")
    healthy = Record("k", "round", {}, measures={"ua": 0.5}, details={"collapsed": False})
    assert warned(healthy, first) == warned(record, AudioStage("m")) == {}
