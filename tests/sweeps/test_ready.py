"""The searcher that Tune asks for work: ready jobs first, no barrier, nothing after a failure it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from ray.tune.search import Searcher

from after_ray.environment import Execution
from after_ray.stages import Stage
from sweeps.launching.ready import ReadyFirst
from sweeps.planning.jobs import Job

EXECUTION = Execution("store", "cache")


@dataclass(frozen=True)
class Named(Stage):
    kind = "test"
    name: str

    def meaning(self) -> dict[str, Any]:
        return {"name": self.name}

    def needs(self) -> tuple[Stage, ...]:
        return ()


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
@pytest.mark.parametrize("end", [{"result": {"failed": "why"}}, {"error": True}])
def test_what_rests_on_a_failure_does_not_run_and_the_rest_does(end: dict[str, Any]) -> None:
    search = searcher(
        job("a"), job("b"), job("after_a", "a"), job("after_both", "a", "b"), job("after_b", "b")
    )
    search.suggest("1")
    search.suggest("2")
    search.on_trial_complete("1", **end)
    assert set(search.blocked) == {Named("after_a").key, Named("after_both").key}
    search.on_trial_complete("2", {"done": True})
    assert name(search.suggest("3")) == "after_b"
    search.on_trial_complete("3", {"done": True})
    assert search.suggest("4") == Searcher.FINISHED
