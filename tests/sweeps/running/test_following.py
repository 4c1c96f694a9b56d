"""What a launch's news become: counts, mirrored trajectories, and a file for who watches from elsewhere."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from after_ray.store import Store
from sweeps._console import Meter
from sweeps.launching.sight import Standing
from sweeps.planning.counting import counts
from sweeps.planning.jobs import Job, jobs_of
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.reporting.in_words import progress_in_words
from sweeps.running.following import Followed, FollowingStudies
from sweeps.running.progress import Progress, read_progress, write_progress
from sweeps.tracking.mirrored import MirroredTrajectory

STUDY = """\
study: {name}
corpus: {{name: synthetic, speakers: 6, sentences: 5}}
classifier: functionals
strategy: [{strategies}]
schedule: [10, 20, 40]
fold: 0
protocol: {{preset: paper, folds: {{count: 3}}}}
"""


@dataclass
class Submissions:
    """Stands in for the mirror's thread."""

    keys: list[str] = field(default_factory=list)
    told: list[dict[str, float]] = field(default_factory=list)

    def progress(self, values: dict[str, float]) -> None:
        self.told.append(values)

    def submit(self, trajectory: MirroredTrajectory) -> None:
        self.keys.append(trajectory.key)


@dataclass
class Shown:
    """Stands in for the terminal."""

    done: int = -1
    total: int | None = None
    lines: list[str] = field(default_factory=list)

    def to(self, done: int, total: int | None = None) -> None:
        self.done, self.total = done, total

    def say(self, line: str) -> None:
        self.lines.append(line)


def study(folder: Path, name: str, *strategies: str) -> OpenStudy:
    path = folder / f"{name}.yaml"
    path.write_text(STUDY.format(name=name, strategies=", ".join(strategies)))
    return open_study(path, folder / "store")


def following(studies: list[OpenStudy], done: set[str]) -> tuple[FollowingStudies, list[Submissions], Shown]:
    mirrors, shown = [Submissions() for _ in studies], Shown()
    followed: Any = [Followed(one, mirror) for one, mirror in zip(studies, mirrors, strict=True)]  # type: ignore[arg-type]
    seen = FollowingStudies(followed, shown)  # type: ignore[arg-type]
    seen.on_finished(done)
    return seen, mirrors, shown


def trajectory_job(studies: list[OpenStudy], strategy: str) -> Job:
    jobs = jobs_of([one.plan for one in studies], set()).values()
    return next(job for job in jobs if getattr(job.stage, "strategy", None) == strategy)


def test_rounds_are_told_to_every_study_and_count_once_together(tmp_path: Path) -> None:
    studies = [study(tmp_path, "one", "random", "entropy"), study(tmp_path, "other", "entropy")]
    seen, mirrors, shown = following(studies, set())
    first = next(j for j in jobs_of([s.plan for s in studies], set()).values() if j.kind == "first_round")
    seen.on_trial(first, {"done": True})
    together = counts([one.plan for one in studies], set())["cells"]
    assert (shown.done, shown.total) == (2, together), "round 0 is a cell of each strategy"
    entropy = trajectory_job(studies, "entropy")
    seen.on_trial(entropy, {"rounds": 2, "done": False})
    assert shown.done == 3
    assert [mirror.keys for mirror in mirrors] == [[], []]
    seen.on_trial(entropy, {"rounds": 3, "done": True})
    seen.on_trial(entropy, {"rounds": 3, "done": True})
    assert shown.done == 4
    assert [mirror.keys for mirror in mirrors] == [[entropy.key], [entropy.key]]
    seen.on_trial(trajectory_job(studies, "random"), {"rounds": 3, "done": True})
    assert shown.done == shown.total == 6
    seen.ended("nothing more to run")
    stood = [read_progress(one.store, one.study.study) for one in studies]
    assert [(one.done, one.cells) for one in stood if one is not None] == [(6, 6), (3, 3)]


def test_what_was_done_before_is_counted_and_mirrored_at_once(tmp_path: Path) -> None:
    one = study(tmp_path, "one", "random")
    done = {stage.key for stage in one.plan.trajectories[0].stages}
    _, (mirror,), shown = following([one], done)
    assert mirror.keys == [one.plan.trajectories[0].key]
    assert shown.done == 3


def test_what_another_launch_finishes_is_counted_and_mirrored(tmp_path: Path) -> None:
    one = study(tmp_path, "one", "random")
    seen, (mirror,), shown = following([one], set())
    first = next(job for job in jobs_of([one.plan], set()).values() if job.kind == "first_round")
    seen.on_trial(first, {"done": True})
    seen.on_finished(first.gives)
    assert shown.done == 1, "a cell counts once"
    seen.on_finished(trajectory_job([one], "random").gives)
    assert (shown.done, mirror.keys) == (3, [one.plan.trajectories[0].key])


def test_a_trial_that_is_stopped_between_rounds_is_not_taken_for_finished(tmp_path: Path) -> None:
    one = study(tmp_path, "one", "random")
    seen, (mirror,), shown = following([one], set())
    seen.on_trial(
        trajectory_job([one], "random"), {"rounds": 2, "done": True}
    )  # Tune says done of a stopped one
    assert (shown.done, mirror.keys) == (2, [])


@pytest.mark.parametrize("end", ["preempted", "halted", "stopped", "awaiting"])
def test_a_trial_whose_work_goes_on_elsewhere_has_finished_nothing(tmp_path: Path, end: str) -> None:
    one = study(tmp_path, "one", "random")
    seen, (mirror,), shown = following([one], set())
    first = next(job for job in jobs_of([one.plan], set()).values() if job.kind == "first_round")
    seen.on_trial(first, {"done": True, end: True})
    assert (shown.done, mirror.keys, shown.lines) == (0, [], [])
    seen.on_trial(first, {"done": True})
    assert shown.done == 1


def test_a_failure_is_said_and_counts_nothing(tmp_path: Path) -> None:
    one = study(tmp_path, "one", "random")
    seen, _, shown = following([one], set())
    job = trajectory_job([one], "random")
    seen.on_trial(job, {"done": True, "failed": "it broke"})
    assert shown.done == 0
    assert shown.lines == [f"failed: trajectory {job.key[:8]}: it broke"]


def test_who_watches_sees_what_runs_and_how_it_ended(tmp_path: Path) -> None:
    one = study(tmp_path, "one", "random", "entropy")
    seen, (mirror,), _ = following([one], set())
    jobs = tuple(jobs_of([one.plan], set()).values())
    seen.on_standing(Standing(((jobs[0], 12.0),), jobs[1:], (), ("x",), 1.5, 0.75, (1.0, 4.0)))
    assert [job.kind for job in jobs] == ["features", "first_round", "trajectory", "trajectory"]
    progress = read_progress(one.store, "one")
    assert progress is not None
    said = progress_in_words(progress)
    assert "0 of 6 cells done, 0 running (1 trial: 1 features), 6 waiting, 1 of 4 GPUs" in said
    assert "1 of 4 GPUs in use, 90 min so far" in said
    assert progress.numbers()["gpu_hours"] == 0.75
    assert mirror.told[-1] == progress.numbers(), "the tracker shows the same"
    seen.ended("stopped: --max-hours 2 is reached")
    ended = read_progress(one.store, "one")
    assert ended is not None
    assert "ended: --max-hours 2 is reached" in progress_in_words(ended)
    assert ended.running == 0


def test_what_runs_waits_and_failed_is_counted_in_cells_of_each_study(tmp_path: Path) -> None:
    studies = [study(tmp_path, "one", "random", "entropy", "margin"), study(tmp_path, "other", "entropy")]
    first = studies[0].plan.trajectories[0].first.key
    seen, _, _ = following(studies, {first})
    jobs = {s: trajectory_job(studies, s) for s in ("random", "entropy", "margin")}
    seen.on_trial(jobs["entropy"], {"rounds": 2, "done": False})

    def told(*standing: Any) -> list[str]:
        seen.on_standing(Standing(*standing, 0.0, 0.0, (0.0, 0.0)))
        progresses = [read_progress(one.store, one.study.study) for one in studies]
        return [progress_in_words(one).partition(", 0 s so far")[0] for one in progresses if one is not None]

    assert told(((jobs["entropy"], 1.0), (jobs["random"], 1.0)), (jobs["margin"],), (), ()) == [
        "4 of 9 cells done, 3 running (2 trials: 2 trajectory), 2 waiting",
        "2 of 3 cells done, 1 running (2 trials: 2 trajectory), 0 waiting",
    ]
    keys = {strategy: job.key for strategy, job in jobs.items()}
    assert told((), (), (keys["margin"],), (keys["entropy"], keys["random"])) == [
        "4 of 9 cells done, 0 running, 0 waiting, 3 failed, 2 blocked",
        "2 of 3 cells done, 0 running, 0 waiting, 1 failed",
    ]
    assert told(((jobs["random"], 1.0),), (jobs["margin"],), (), (keys["random"],))[0] == (
        "4 of 9 cells done, 2 running (1 trial: 1 trajectory), 2 waiting"
    ), "it is tried again"


def test_a_launch_that_was_killed_is_told_from_one_that_runs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_progress(store, "one", Progress(6, 2, running=1))
    progress = read_progress(store, "one")
    assert progress is not None
    assert not progress.stale()
    assert progress.stale(now=time.time() + 61)
    path = tmp_path / "progress" / "one.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"written": time.time() - 100}))
    killed = read_progress(store, "one")
    assert killed is not None
    assert "nothing was heard of the last launch" in progress_in_words(killed)


@pytest.mark.parametrize("text", ["", "{", '{"unknown": 1}', "[]"])
def test_a_progress_file_that_is_none_is_no_progress(tmp_path: Path, text: str) -> None:
    (tmp_path / "progress").mkdir()
    (tmp_path / "progress" / "one.json").write_text(text)
    assert read_progress(Store(tmp_path), "one") is None
    assert read_progress(Store(tmp_path), "other") is None


def test_a_meter_takes_what_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Meter("cells", 3, None).to(3)
    assert capsys.readouterr().out == "cells: 3 of 3\n"
