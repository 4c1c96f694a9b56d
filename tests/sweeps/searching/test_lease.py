"""Two launches of one search: the second is refused while the first lives, and takes over when it is dead."""

from __future__ import annotations

import json
import os
import pickle
import re
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from after_ray.store.places import Folder
from sweeps.launching.budget import Limits
from sweeps.launching.ray_start import Where
from sweeps.leases import beating
from sweeps.leases import holder as module
from sweeps.leases.beating import DEAD_AFTER
from sweeps.leases.holder import Holder
from sweeps.running.progress import read_progress
from sweeps.searching import running
from sweeps.searching.book import Book, search_place
from sweeps.searching.lease import SearchLease, SearchRuns
from sweeps.searching.running import HoldersBudget
from tests.sweeps.searching.toy import opened

ELSEWHERE = replace(Holder.here(), host="node7", process=4242, since="2026-01-02 03:04:05")


class Time:
    """A clock that only sleeping moves; `then` happens at every sleep."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.now, self._then = 0.0, then

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._then()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "running.json"


def lease(path: Path, clock: Time, said: list[str] | None = None) -> SearchLease:
    say = (lambda line: None) if said is None else said.append
    return SearchLease(Folder(path.parent), "looked", say, clock=lambda: clock.now, sleep=clock.sleep)


def write(path: Path, holder: Holder) -> None:
    path.write_text(json.dumps(asdict(holder)))


def holder_in(path: Path) -> Holder:
    return Holder(**json.loads(path.read_text()))


def test_a_launch_on_another_machine_that_is_heard_of_keeps_the_search(path: Path) -> None:
    write(path, ELSEWHERE)
    clock = Time(lambda: write(path, replace(ELSEWHERE, beats=1)))
    said: list[str] = []
    told = "'looked' runs already, as process 4242 on node7 since 2026-01-02 03:04:05, and is alive; wait for"
    with pytest.raises(SearchRuns, match=re.escape(told)):
        lease(path, clock, said).take()
    assert clock.now < 5, "it is not listened to for longer than until its first beat"
    assert "looking for up to 60 seconds" in said[0]
    assert holder_in(path).token == ELSEWHERE.token


def test_a_launch_on_another_machine_that_is_not_heard_of_loses_the_search(path: Path) -> None:
    write(path, ELSEWHERE)
    clock = Time()
    lease(path, clock).take()
    assert clock.now >= DEAD_AFTER
    assert holder_in(path).process == os.getpid()


def test_a_launch_that_is_faster_in_taking_a_dead_ones_place_keeps_it(path: Path) -> None:
    write(path, ELSEWHERE)
    slow = lease(path, Time())
    faster = replace(Holder.here(), token="faster", host="node8")
    write(path, faster)  # between the look of the slow one and its removal
    slow._remove(ELSEWHERE)
    assert holder_in(path).token == "faster"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_machines_of_one_name_are_told_apart(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_process(process: int, signal: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(module.os, "kill", no_process)
    assert Holder.here().is_gone()
    assert not replace(Holder.here(), namespace="pid:[4026531836] another-boot").is_gone()


def test_a_launch_that_was_killed_on_this_machine_is_not_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_process(process: int, signal: int) -> None:
        raise ProcessLookupError

    write(path, replace(ELSEWHERE, host=Holder.here().host))
    monkeypatch.setattr(module.os, "kill", no_process)
    clock = Time()
    lease(path, clock).take()
    assert clock.now == 0


def test_a_launch_that_lives_on_this_machine_keeps_the_search(path: Path) -> None:
    first = lease(path, Time())
    with first.held(), pytest.raises(SearchRuns):
        lease(path, Time(first.beat)).take()
    assert not path.exists()
    lease(path, Time()).take()


def test_a_launch_that_ends_while_it_is_listened_to_hands_the_search_on(path: Path) -> None:
    write(path, ELSEWHERE)
    lease(path, Time(lambda: path.unlink(missing_ok=True))).take()
    assert holder_in(path).process == os.getpid()


def test_a_launch_that_was_taken_over_stops_and_leaves_the_file_to_the_other(path: Path) -> None:
    asleep = lease(path, Time())
    asleep.take()
    write(path, ELSEWHERE)
    asleep.beat()
    assert "process 4242 on node7 has taken over the search" in str(asleep.lost)
    asleep.give_back()
    assert holder_in(path) == ELSEWHERE


def test_a_damaged_file_keeps_nobody_out(path: Path) -> None:
    path.write_text("{")
    lease(path, Time()).take()
    assert holder_in(path).process == os.getpid()


def test_a_search_that_was_taken_over_starts_nothing_more(path: Path) -> None:
    held = lease(path, Time())
    budget = HoldersBudget(Limits(), lease=held)
    held.take()
    assert budget.exceeded() is None
    write(path, ELSEWHERE)
    held.beat()
    assert "has taken over the search" in str(budget.exceeded())


def test_a_search_that_runs_already_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    study = opened(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "prepare", lambda opened: None)
        patch.setattr(running, "running_ray", lambda where: pytest.fail("Ray was started"))
        with SearchLease(search_place(study), "small").held():
            patch.setattr(SearchLease, "_lives", lambda self, there: True)
            with pytest.raises(SearchRuns, match="'small' runs already"):
                running.run_search(study, Where())
    assert Book.open(study).candidates == []
    assert read_progress(study.store, "small") is None, "what the other one tells stays"


def test_a_launch_beats_while_it_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beating, "BEAT_SECONDS", 0.01)
    with lease(path, Time()).held():
        deadline = time.monotonic() + 10
        while holder_in(path).beats < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert holder_in(path).beats >= 2


def test_what_a_launch_refers_to_can_be_pickled_whatever_says_its_sentences(path: Path) -> None:
    """Ray puts a function of its own in the place of `print`, which then cannot be pickled by its name."""
    pickle.dumps(
        HoldersBudget(Limits(), lease=SearchLease(Folder(path.parent), "looked", say=lambda line: None))
    )
