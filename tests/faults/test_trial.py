"""What a trial returns when its store is gone, when it is told to end, and when it fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from after_ray.environment import Execution
from after_ray.errors import Unanswered
from after_ray.features._settings import CepstralFeatures
from after_ray.preemption import NOTICE, Preempted, watch_node
from after_ray.stages import AudioStage, FeaturesStage
from after_ray.store import Outage, Store
from trainables import trial as module
from trainables._work import Work
from trainables.leaving import leave_node
from trainables.trial import StageTrial

STAGE = FeaturesStage(AudioStage("0123"), CepstralFeatures())


@pytest.fixture(autouse=True)
def _no_notice() -> Iterator[None]:
    yield
    NOTICE.withdraw()


class Doing(Work):
    """Work that does what it is told."""

    def __init__(self, execution: Execution, does: Callable[[], dict[str, Any]]) -> None:
        super().__init__(STAGE, execution)
        self._does = does

    def advance(self) -> dict[str, Any]:
        return self._does()


def trial(tmp_path: Path, does: Callable[[], dict[str, Any]]) -> StageTrial:
    made = StageTrial.__new__(StageTrial)  # its constructor is Ray's
    execution = Execution(str(tmp_path), str(tmp_path / "cache"))
    made.setup({"kind": "features", "stage": STAGE, "execution": execution})
    made._work = Doing(execution, does)
    return made


def raising(error: Exception) -> Callable[[], dict[str, Any]]:
    def does() -> dict[str, Any]:
        raise error

    return does


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_store_that_is_gone_for_ten_minutes_stops_the_trial_without_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(module, "Outage", partial(Outage, clock=lambda: now[0], sleep=sleep))
    told = [trial(tmp_path, raising(full())).step()]
    assert told[0]["done"] is False
    assert "what runs waits for it" in told[0]["said"]
    stays = trial(tmp_path, raising(full()))
    while not (result := stays.step())["done"]:
        told.append(result)
    assert now[0] == 600
    assert "run the same command again" in result["stopped"]
    assert Store(tmp_path).ledger.failures() == {}


def test_a_failure_says_whether_trying_again_may_help(tmp_path: Path) -> None:
    gone = trial(tmp_path, raising(FileNotFoundError(2, "gone", "weights"))).step()
    assert gone["again"] is True
    bug = trial(tmp_path, raising(ValueError("a bug"))).step()
    assert (bug["failed"], bug["again"]) == ("ValueError: a bug", False)
    (failure,) = Store(tmp_path).ledger.failures().values()
    assert (failure.cause, failure.again, failure.attempts) == ("ValueError", False, 2)
    assert "a bug" in (tmp_path / failure.log).read_text()


def test_people_are_not_waited_for_by_a_process_and_their_silence_is_no_failure(tmp_path: Path) -> None:
    told = trial(tmp_path, raising(Unanswered([3, 1]))).step()
    assert told == {"done": True, "key": STAGE.key, "awaiting": 2}
    assert Store(tmp_path).ledger.failures() == {}


def test_a_failure_that_cannot_be_written_is_still_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> None:
        raise full()

    made = trial(tmp_path, raising(ValueError("a bug")))
    monkeypatch.setattr(os, "replace", refused)
    assert made.step()["failed"] == "ValueError: a bug"


def test_with_notice_a_trial_begins_nothing_and_its_process_takes_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave() -> None:
        raise SystemExit

    monkeypatch.setattr(module, "exit_actor", leave)
    made = trial(tmp_path, raising(AssertionError("begun")))
    NOTICE.give()
    assert made.step() == {"done": True, "key": STAGE.key, "preempted": True}
    execution = Execution(str(tmp_path), str(tmp_path / "cache"))
    made.reset_config({"kind": "features", "stage": STAGE, "execution": execution})
    with pytest.raises(SystemExit):
        made.step()


def test_work_that_is_left_with_its_state_saved_is_no_failure(tmp_path: Path) -> None:
    assert trial(tmp_path, raising(Preempted())).step()["preempted"] is True
    assert Store(tmp_path).ledger.failures() == {}


@pytest.mark.parametrize("head", [False, True])
def test_with_notice_of_the_node_ray_is_told_once_and_with_its_head_the_launch_stops(
    head: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float | None] = []
    monkeypatch.setattr(module, "is_head", lambda: head)
    monkeypatch.setattr(module, "leave_node", told.append)
    made = trial(tmp_path, raising(Preempted()))
    NOTICE.give_of_node(1030.0)
    result = made.step()
    assert ("stopped" in result, "preempted" in result) == (head, not head)
    assert told == ([] if head else [1030.0])


@pytest.mark.parametrize(("ends", "deadline"), [(1030.5, 1_030_500), (None, 0)])
def test_ray_is_told_when_the_node_ends_or_that_there_is_no_deadline(
    ends: float | None, deadline: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[object, ...]] = []

    class Cluster:
        def __init__(self, address: str) -> None:
            self._address = address

        def drain_node(self, *asked: object, timeout: float) -> tuple[bool, str]:
            told.append((self._address, asked[0], asked[-1]))
            return True, ""

    here = SimpleNamespace(gcs_address="head:6379", get_node_id=lambda: "this node")
    monkeypatch.setattr("ray._raylet.GcsClient", Cluster)
    monkeypatch.setattr("ray.get_runtime_context", lambda: here)
    leave_node(ends)
    assert told == [("head:6379", "this node", deadline)]


def test_a_provider_that_nobody_knows_is_a_failure_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTER_RAY_SPOT", "azure")
    watch_node.cache_clear()
    result = trial(tmp_path, raising(AssertionError("begun"))).step()
    assert "AFTER_RAY_SPOT is 'azure'" in result["failed"]
