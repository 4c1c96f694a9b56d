"""The searcher that Tune asks for work: ready jobs first, no barrier, nothing after a failure it rests on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ray.tune.search import Searcher

from after_ray.environment import Execution
from sweeps.launching.ready import ATTEMPTS, ReadyFirst
from sweeps.planning.jobs import Job
from sweeps.study.declaration import Resources
from tests.sweeps.launching.named import Named

EXECUTION = Execution("store", "cache")


def job(name: str, *needs: str) -> Job:
    return Job("features", Named(name), frozenset(Named(need).key for need in needs))


def searcher(*jobs: Job) -> ReadyFirst:
    return ReadyFirst({made.key: made for made in jobs}, lambda made: EXECUTION)


def name(config: Any) -> str:
    return config["stage"].name


@pytest.mark.ray
def test_a_job_starts_as_soon_as_its_own_needs_are_met() -> None:
    search = searcher(job("a"), job("b"), job("after_a", "a"), job("after_b", "b"))
    assert [name(search.suggest("1")), name(search.suggest("2"))] == ["a", "b"]
    assert search.suggest("3") is None, "nothing is ready, and that is no end"
    search.on_trial_complete("2", {"done": True})
    assert name(search.suggest("3")) == "after_b", "a is still running and does not hold it up"
    search.on_trial_complete("1", {"done": True})
    search.on_trial_complete("3", {"done": True})
    assert name(search.suggest("4")) == "after_a"
    search.on_trial_complete("4", {"done": True})
    assert search.suggest("5") == Searcher.FINISHED


@pytest.mark.ray
def test_what_rests_on_people_does_not_run_and_the_launch_ends_once_all_else_is_done() -> None:
    search = searcher(job("asked"), job("b"), job("after_it", "asked"), job("after_b", "b"))
    search.suggest("1")
    search.suggest("2")
    search.on_trial_complete("1", {"done": True, "awaiting": 5})
    assert search.suggest("3") is None, "what it asked for was handed out again, or what rests on it"
    search.on_trial_complete("2", {"done": True})
    assert name(search.suggest("3")) == "after_b"
    search.on_trial_complete("3", {"done": True})
    assert search.suggest("4") == Searcher.FINISHED
    assert not search.blocked, "nothing failed"


@pytest.mark.ray
def test_what_rests_on_a_failure_does_not_run_and_the_rest_does() -> None:
    search = searcher(
        job("a"), job("b"), job("after_a", "a"), job("after_both", "a", "b"), job("after_b", "b")
    )
    search.suggest("1")
    search.suggest("2")
    search.on_trial_complete("1", {"failed": "why"})
    assert set(search.blocked) == {Named("after_a").key, Named("after_both").key}
    search.on_trial_complete("2", {"done": True})
    assert name(search.suggest("3")) == "after_b"
    search.on_trial_complete("3", {"done": True})
    assert search.suggest("4") == Searcher.FINISHED


@pytest.mark.ray
def test_each_size_of_trial_has_its_own_limit_of_those_that_wait_for_room() -> None:
    on_gpu = [replace(job(f"gpu {number}"), resources=Resources(cpu=1, gpu=1)) for number in range(3)]
    jobs = [*on_gpu, job("cpu 1"), job("cpu 2")]
    search = ReadyFirst({one.key: one for one in jobs}, lambda made: EXECUTION, most_out=lambda made: 2)
    assert [name(search.suggest(str(number))) for number in range(4)] == ["gpu 0", "gpu 1", "cpu 1", "cpu 2"]
    assert search.suggest("4") is None, "a third that needs a GPU waits"
    search.on_trial_complete("2", {"done": True})
    assert search.suggest("5") is None, "what ended was of another size"
    search.on_trial_complete("0", {"done": True})
    assert name(search.suggest("6")) == "gpu 2"


@pytest.mark.ray
def test_a_lost_process_is_handed_out_three_times_and_a_preempted_one_as_often_as_it_takes() -> None:
    search = searcher(job("a"), job("after_a", "a"))
    for number in range(5):
        assert name(search.suggest(f"preempted {number}")) == "a"
        search.on_trial_complete(f"preempted {number}", {"done": True, "preempted": True})
    for number in range(3):
        assert name(search.suggest(f"lost {number}")) == "a"
        search.on_trial_result(f"lost {number}", {"done": False})
        search.on_trial_complete(f"lost {number}", error=True)
    assert search.suggest("no more") == Searcher.FINISHED
    assert set(search.blocked) == {Named("after_a").key}


@pytest.mark.ray
def test_longest_chains_come_first() -> None:
    jobs = [job("short"), job("unknown"), job("long")]
    longest = {Named("short").key: 10.0, Named("long").key: 99.0}
    search = ReadyFirst({one.key: one for one in jobs}, lambda made: EXECUTION, priorities=longest)
    assert [name(search.suggest(str(number))) for number in range(3)] == ["long", "short", "unknown"]


@pytest.mark.ray
def test_losses_with_processes_that_hand_work_on_are_no_attempts_of_a_job() -> None:
    search = searcher(job("a"))
    for number in range(ATTEMPTS + 2):
        search.suggest(f"handed on {number}")
        search.on_trial_complete(f"handed on {number}", {"preempted": True})
        assert name(search.suggest(f"lost {number}")) == "a"
        search.on_trial_complete(f"lost {number}", error=True)
    assert search.blocked == {}
    for number in range(ATTEMPTS):
        assert name(search.suggest(str(number))) == "a"
        search.on_trial_complete(str(number), error=True)
    assert search.suggest("end") == Searcher.FINISHED, "lost by itself it counts"
