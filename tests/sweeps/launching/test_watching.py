"""What the driver makes of Tune's news: what nodes say of their code, and of trials that no node can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from after_ray.store import Draft, Store
from sweeps.launching.budget import Budget, Limits
from sweeps.launching.interrupts import Interrupt
from sweeps.launching.ray_start import Nodes, Offer
from sweeps.launching.sight import Nobody
from sweeps.launching.unmet import Unmet
from sweeps.planning.jobs import Job
from sweeps.study.declaration import Resources
from tests.sweeps.launching.named import Named

pytestmark = pytest.mark.ray
JOB = replace(Job("features", Named("a")), resources=Resources(cpu=1, gpu=1))
OTHER = "The node b runs other code than this launch."


@dataclass
class Trial:
    """A trial as far as it is asked."""

    config: dict[str, Any] = field(
        default_factory=lambda: {"kind": JOB.kind, "stage": JOB.stage, "resources": JOB.resources}
    )
    num_failures: int = 3
    last_result: dict[str, Any] = field(default_factory=dict)


@dataclass
class Hands:
    """Has handed out one job."""

    running: tuple[Job, ...] = (JOB,)
    waiting: tuple[Job, ...] = ()
    blocked: dict[str, str] = field(default_factory=dict)
    halted: bool = False

    def halt(self) -> None:
        self.halted = True


class Told(Nobody):
    """Keeps the news."""

    def __init__(self) -> None:
        self.news: list[Mapping[str, Any]] = []

    def on_trial(self, job: Job, result: Mapping[str, Any]) -> None:
        self.news.append(result)


def watcher(folder: Path, hands: Hands, told: Told, unmet: Unmet | None, clock: Any) -> Any:
    from sweeps.launching.watching import TrialWatcher

    return TrialWatcher(Store(folder), hands, Budget(Limits()), told, Interrupt(), unmet=unmet, clock=clock)


def test_a_node_with_other_code_is_named_once_and_its_news_count(tmp_path: Path) -> None:
    told = Told()
    watching = watcher(tmp_path, Hands(), told, None, lambda: 0.0)
    for _ in range(2):
        watching.on_trial_result(0, [], Trial(), {"done": True, "other_code": OTHER, "training_iteration": 1})
    assert [news.get("said") for news in told.news] == [OTHER, None, None]
    assert [news.get("done") for news in told.news] == [None, True, True]


@pytest.mark.parametrize("finished", [False, True])
def test_a_process_that_was_lost_often_has_failed_unless_its_record_stands(
    finished: bool, tmp_path: Path
) -> None:
    if finished:
        Store(tmp_path).commit(Draft(JOB.key, "test", {}))
    told = Told()
    watching = watcher(tmp_path, Hands(), told, None, lambda: 0.0)
    watching.on_trial_error(0, [], Trial())
    assert (JOB.key in watching.failed) is not finished
    assert (JOB.key in Store(tmp_path).ledger.failures()) is not finished
    assert ["failed" in news for news in told.news] == [not finished]


def test_who_hands_a_trial_on_takes_one_more_with_it_and_that_is_no_failure(tmp_path: Path) -> None:
    told = Told()
    watching = watcher(tmp_path, Hands(), told, None, lambda: 0.0)
    watching.on_trial_result(0, [], Trial(), {"preempted": True, "training_iteration": 1})
    watching.on_trial_error(0, [], Trial())
    assert (watching.failed, Store(tmp_path).ledger.failures()) == ({}, {})
    watching.on_trial_error(0, [], Trial())
    assert JOB.key in watching.failed, "only one is excused"


def test_a_trial_that_had_begun_is_not_excused(tmp_path: Path) -> None:
    watching = watcher(tmp_path, Hands(), Told(), None, lambda: 0.0)
    watching.on_trial_result(0, [], Trial(), {"preempted": True, "training_iteration": 1})
    watching.on_trial_error(0, [], Trial(last_result={"training_iteration": 1}))
    assert JOB.key in Store(tmp_path).ledger.failures()


def test_what_no_node_can_hold_ends_the_experiment_once_it_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeps.launching.watching._gpus", lambda: (0.0, 0.0))
    now = [0.0]
    unmet = Unmet(lambda: Nodes((Offer(2.0),), True), lambda: False, lambda: now[0])
    hands, told = Hands(), Told()
    watching = watcher(tmp_path, hands, told, unmet, lambda: now[0])
    for second in range(0, 60, 3):
        now[0] = float(second)
        watching.on_step_begin(0, [])
    assert len(told.news) == 1
    assert not watching.stop_all()
    now[0] = 63.0
    watching.on_step_begin(0, [])
    assert watching.stop_all()
    assert hands.halted
    assert watching.stopped == watching.unmet
    assert "No node can hold 1 trial of 1 CPU and 1 GPU" in watching.unmet
