"""Claims keep a launch from computing what another one computes that lives, never from computing at all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from after_ray.environment import Execution
from after_ray.files import as_json
from after_ray.store import Draft, Store
from after_ray.store.places.bucket import Bucket
from sweeps.launching.ready import ReadyFirst
from sweeps.leases import beating
from sweeps.leases.beating import DEAD_AFTER
from sweeps.leases.claims import LOOK_SECONDS, Claims
from sweeps.leases.holder import Holder
from sweeps.planning.jobs import Job
from tests.sweeps.launching.named import Named

ELSEWHERE = replace(Holder.here(), host="node7", process=4242, token="other")


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("AFTER_RAY_CACHE", str(tmp_path / "node"))
    return Store(tmp_path / "store" if request.param == "folder" else Bucket("s3://a/b", MemoryStore()))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def alive(store: Store, stack: ExitStack, clock: Time | None = None) -> Claims:
    claims = Claims(store, clock or Time())
    stack.enter_context(claims.held())
    return claims


def test_a_job_is_one_launchs_until_it_ends(store: Store, stack: ExitStack) -> None:
    clock = Time()
    one, other = alive(store, stack, clock), alive(store, stack, clock)
    assert one.take("a")
    assert one.take("a"), "its own"
    assert not other.take("a")
    assert other.take("b")
    one.give_back("a")
    assert not other.take("a"), "it looks now and then only"
    clock.now = LOOK_SECONDS
    assert other.take("a")


def test_a_launch_that_ended_or_died_on_this_machine_keeps_nobody_out(store: Store, stack: ExitStack) -> None:
    with ExitStack() as earlier:
        assert alive(store, earlier).take("a")
    assert alive(store, stack).take("a")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    killed = replace(Holder.here(), process=ended.pid, token="killed")
    store.place.write("launches/killed.json", as_json(asdict(killed)))
    store.place.write("claims/b.json", as_json({"launch": "killed"}))
    assert alive(store, stack).take("b")


def test_a_launch_elsewhere_that_is_not_heard_of_for_a_minute_is_dead(store: Store, stack: ExitStack) -> None:
    clock = Time()
    claims = alive(store, stack, clock)
    store.place.write("launches/other.json", as_json(asdict(ELSEWHERE)))
    store.place.write("claims/a.json", as_json({"launch": "other"}))
    assert not claims.take("a")
    clock.now = DEAD_AFTER - 1
    store.place.write("launches/other.json", as_json(asdict(replace(ELSEWHERE, beats=1))))
    assert not claims.take("a"), "it is heard of"
    clock.now += DEAD_AFTER - 1
    assert not claims.take("a")
    clock.now += LOOK_SECONDS
    assert claims.take("a")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"launch": 3}'])
def test_a_damaged_claim_is_none(store: Store, stack: ExitStack, text: bytes) -> None:
    store.place.write("claims/a.json", text)
    assert alive(store, stack).take("a")


def test_a_store_that_is_away_keeps_nobody_from_working(
    store: Store, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: object) -> None:
        raise OSError(5, "Input/output error")

    claims = alive(store, stack)
    for name in ("create", "write", "remove"):
        monkeypatch.setattr(store.place, name, away)
    assert claims.take("a")
    claims.give_back("a")
    monkeypatch.undo()


def test_a_launch_beats_while_it_lives(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beating, "BEAT_SECONDS", 0.01)
    with ExitStack() as stack:
        claims = alive(store, stack)
        (name,) = store.place.names("launches")
        before = store.place.read(name)
        while store.place.read(name) == before:  # the test's own time limit ends it
            pass
        assert claims.take("a")
    assert list(store.place.names("launches")) == []


def searcher(store: Store, claims: Claims, *names: str, told: list[str] | None = None) -> ReadyFirst:
    jobs = {job.key: job for job in (Job("features", Named(name)) for name in names)}
    told = [] if told is None else told
    return ReadyFirst(jobs, lambda job: Execution(store.url, ""), claims=claims, finished=told.extend)


def test_a_job_that_another_launch_finishes_is_not_handed_out_but_told(
    store: Store, stack: ExitStack
) -> None:
    clock, told = Time(), list[str]()
    one, other = alive(store, stack, clock), alive(store, stack, clock)
    first, second = searcher(store, one, "x"), searcher(store, other, "x", told=told)
    (key,) = (job.key for job in first.waiting)
    assert isinstance(first.suggest("1"), dict)
    assert second.suggest("1") is None, "it waits for the other launch"
    store.commit(Draft(key=key, kind="features", meaning={}))
    first.on_trial_complete("1", {})
    clock.now = LOOK_SECONDS
    assert told == []
    assert second.suggest("1") == ReadyFirst.FINISHED
    assert (second.waiting, told) == ((), [key])


def test_a_job_that_fails_elsewhere_is_tried_here(store: Store, stack: ExitStack) -> None:
    clock = Time()
    one, other = alive(store, stack, clock), alive(store, stack, clock)
    first, second = (searcher(store, claims, "x") for claims in (one, other))
    first.suggest("1")
    assert second.suggest("1") is None
    first.on_trial_complete("1", {"failed": "no room"})
    clock.now = LOOK_SECONDS
    assert isinstance(second.suggest("1"), dict)


def test_a_job_that_is_claimed_elsewhere_and_may_not_start_here_keeps_no_launch(
    store: Store, stack: ExitStack
) -> None:
    one, other = alive(store, stack), alive(store, stack)
    searcher(store, one, "x").suggest("1")
    fits = [True]
    jobs = {job.key: job for job in (Job("features", Named("x")),)}
    second = ReadyFirst(
        jobs, lambda job: Execution(store.url, ""), may_start=lambda job: fits[0], claims=other
    )
    assert second.suggest("1") is None
    fits[0] = False
    assert second.suggest("1") == ReadyFirst.FINISHED


def test_a_claim_that_was_taken_over_is_not_given_back(store: Store, stack: ExitStack) -> None:
    one = alive(store, stack)
    assert one.take("a")
    store.place.write("claims/a.json", as_json({"launch": "other"}))
    one.give_back("a")
    assert store.place.size("claims/a.json") is not None


def test_a_job_that_does_not_fit_the_budget_is_not_claimed(store: Store, stack: ExitStack) -> None:
    one = alive(store, stack)
    jobs = {job.key: job for job in (Job("features", Named("x")),)}
    refusing = ReadyFirst(jobs, lambda job: Execution(store.url, ""), may_start=lambda job: False, claims=one)
    assert refusing.suggest("1") == ReadyFirst.FINISHED
    assert list(store.place.names("claims")) == []


def test_a_launch_that_is_halted_waits_for_no_other(store: Store, stack: ExitStack) -> None:
    first, second = (searcher(store, alive(store, stack), "x") for _ in range(2))
    first.suggest("1")
    assert second.suggest("1") is None
    second.halt()
    assert second.suggest("1") == ReadyFirst.FINISHED
