"""Who watches a search sees its candidates: tried, running, pruned, failed, and the best of them so far."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from after_ray.store.pruned import Pruned
from sweeps.commands.status import _running
from sweeps.launching.sight import Standing
from sweeps.planning.jobs import Job
from sweeps.planning.opening import OpenStudy
from sweeps.reporting.in_words import progress_in_words, searches_in_words
from sweeps.running.progress import Progress, read_progress
from sweeps.searching.book import Book
from sweeps.searching.candidates import Candidate
from sweeps.searching.following import FollowingSearch
from tests.sweeps.running.test_following import Shown
from tests.sweeps.searching.toy import configuration, finish, opened


class Watched:
    """A search that is followed, and what everybody is told of it."""

    def __init__(self, folder: Path) -> None:
        self.opened: OpenStudy = opened(folder)
        self.book = Book.open(self.opened)
        self.told: list[Any] = []
        self.following = FollowingSearch(self.opened, self.book, self.told.append)
        self.shown = Shown()

    def candidate(self, regularization: float, strategy: str = "entropy") -> Candidate:
        return self.book.add(configuration(regularization, strategy))

    def stands(self, *running: Candidate) -> Progress:
        jobs = tuple((job(one), 1.0) for one in running)
        self.following.on_standing(Standing(jobs, (), (), (), 1.5, 0.75, (1.0, 4.0)))
        return self.read()

    def read(self) -> Progress:
        found = read_progress(self.opened.store, "small")
        assert found is not None
        return found


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def job(candidate: Candidate) -> Job:
    assert not isinstance(candidate.asks, str)
    return Job("candidate", candidate.asks.stage)


def passed(*scores: float) -> dict[str, Any]:
    return {"done": False, "rung": len(scores), "value": scores[-1], "scores": list(scores)}


def test_candidates_are_counted_while_they_run_with_the_best_so_far_and_its_configuration(
    watched: Watched,
) -> None:
    watched.following.shows(watched.shown)  # type: ignore[arg-type]
    one, two, pruned = (watched.candidate(each) for each in (1.0, 2.0, 3.0))
    watched.candidate(4.0, "margn")
    watched.book.pruned.note(Pruned(str(pruned.key), (0.1,), 4))
    watched.book.look_again()
    watched.following.on_trial(job(one), passed(0.5))
    watched.following.on_trial(job(two), passed(0.4))
    watched.following.on_trial(job(two), passed(0.4, 0.6))
    progress = watched.stands(one, two)
    said = progress_in_words(progress)
    assert said.startswith(
        "2 of 4 candidates tried (0 finished, 1 pruned, 1 failed), best so far: candidate 2"
    )
    assert 'validation UA of 50.0 % at rung 2 of 4 (classifier.regularization=2, strategy="entropy")' in said
    assert "2 running (at rung 2, 3 of 4)" in said
    assert "1 of 4 GPUs in use, 90 min so far" in said
    assert watched.shown.done == 2
    assert watched.told[-1] == progress.numbers(), "the tracker shows the same"
    expected = {
        "candidates": 4, "drawn": 4, "tried": 2, "running": 2, "finished": 0, "pruned": 1, "failed": 1,
        "best_value": 0.5, "best_rung": 2, "gpu_hours": 0.75,
    }  # fmt: skip
    assert expected.items() <= progress.numbers().items()


def test_a_trial_that_repeats_its_first_rungs_is_not_thrown_back(watched: Watched) -> None:
    one = watched.candidate(1.0)
    watched.following.on_trial(job(one), passed(0.5, 0.7))
    watched.following.on_trial(job(one), passed(0.5))
    search = watched.stands(one).search
    assert search is not None
    assert search.best is not None
    assert (search.best.rung, search.running_at) == (2, (3,))


def test_a_finished_candidate_counts_more_than_one_that_runs(watched: Watched) -> None:
    one, two = watched.candidate(1.0), watched.candidate(2.0)
    finish(watched.opened.store, one, 0.5, 0.5, 0.5, 0.5)
    watched.book.look_again()
    watched.following.on_trial(job(two), passed(0.9))
    search = watched.stands(two).search
    assert search is not None
    assert search.best is not None
    assert (search.best.candidate, search.best.value) == (1, 0.5)


def test_stages_that_all_candidates_share_are_counted_first(watched: Watched) -> None:
    watched.following.shows(watched.shown, shared=2)  # type: ignore[arg-type]
    stage = watched.opened.plan.trajectories[0].first.features
    watched.following.on_trial(Job("features", stage), {"done": True, "preempted": True})
    assert "0 of 2 stages that all share done" in progress_in_words(watched.stands())
    watched.following.on_trial(Job("features", stage), {"done": True})
    assert "1 of 2 stages that all share done" in progress_in_words(watched.stands())
    assert watched.shown.done == 1
    watched.following.on_finished(["made by another launch"])
    assert watched.shown.done == 2


def test_a_search_is_watched_from_its_first_moment_to_its_end_and_its_best_is_told_after_it(
    watched: Watched,
) -> None:
    assert _running([watched.opened]), "before the first candidate"
    finish(watched.opened.store, watched.candidate(1.0), 0.5, 0.5, 0.5, 0.7)
    watched.book.look_again()
    watched.following.ended("nothing more to run")
    assert not _running([watched.opened])
    ended = progress_in_words(watched.read())
    assert "ended: nothing more to run" in ended
    told = " ".join(searches_in_words([watched.opened]))
    best = (
        "best so far: candidate 1 with a validation UA of 55.0 % at rung 4 of 4 (classifier.regularization=1"
    )
    assert best in ended
    assert best in told


def test_an_outage_is_said_once_and_the_search_goes_on(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    watched.following.shows(watched.shown)  # type: ignore[arg-type]
    monkeypatch.setattr("sweeps.searching.following.write_progress", full)
    monkeypatch.setattr("sweeps.searching.following.write_candidates", full)
    for _ in range(3):
        watched.following.on_standing(Standing((), (), (), (), 1.5, 0.75, (0.0, 0.0)))
    assert watched.shown.lines == [
        "warning: How the search stands cannot be written (No space left on device); it goes on."
    ]
