"""Whatever happens, whenever: the planned results, bit for bit, with little done twice, and one sentence."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from after_ray.preemption import NOTICE
from after_ray.store import Store
from sweeps.leases.claims import Claims
from tests.faults.counted import Counted
from tests.faults.disk import Disk
from tests.faults.driver import Driver, Killed, Tracker
from tests.faults.matrix import ALL, Fault, Moment, name_of
from tests.faults.moments import Watched
from tests.faults.small import Small, results

STEPS_OF_A_ROUND = 4
KILLS: tuple[Fault, ...] = ("trial killed", "driver killed", "node lost")
DAMAGES: tuple[Fault, ...] = ("checkpoint truncated", "checkpoint bit-flipped")
SENTENCES: dict[Fault, tuple[str, str]] = {
    "tracker down": ("cannot be reached", "fills it in afterwards"),
    "store read-only": ("cannot be used (Read-only file system)", "make it writable"),
    "store full": ("cannot be used (No space left on device)", "free room there"),
    "checkpoint truncated": ("is damaged", "the "),
    "checkpoint bit-flipped": ("is damaged", "the "),
    "record half written": ("is damaged", "sets it aside and computes its stage again"),
}
LOST = ("The process of a trial was lost", "is started again, from its last checkpoint")


@dataclass(frozen=True)
class Undisturbed:
    """What a run gives that nothing happens to."""

    results: dict[str, Any]
    counted: Counted


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def undisturbed(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        watched = Watched(small, "adaptation", lambda: None, at_save=False)
        watched.install(patch)
        driver = Driver(small.in_store(folder / "store"), folder / "caches", Tracker(), patch)
        driver.run(launches=1)
    assert set(watched.counted.starts.values()) == {1}
    assert driver.said == [f"adapted: {small.adaptation[:8]}"]
    return Undisturbed(results(driver.opened.store), watched.counted)


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
    NOTICE.withdraw()


class Injection:
    """One fault, ready to happen in a run."""

    def __init__(self, fault: Fault, moment: Moment, small: Small, driver: Driver, disk: Disk) -> None:
        self._fault, self._moment = fault, moment
        self._small, self._driver, self._disk = small, driver, disk
        self._store = driver.opened.store

    def __call__(self) -> None:
        """It happens now."""
        if self._fault in KILLS:
            self._kill()
        elif self._fault in DAMAGES:
            damage(self._newest_state(), self._fault)
            raise Killed
        elif self._fault == "record half written":
            record = self._record()
            record.write_bytes(record.read_bytes()[:100])
            self._driver.driver_dies = True
            raise Killed
        elif self._fault == "two launches":
            with pytest.MonkeyPatch.context() as patch:  # that they do not hear of each other
                patch.setattr(Claims, "take", lambda claims, key: True)
                assert self._driver.launch()
        elif self._fault == "sigterm with notice":
            NOTICE.listen()
            os.kill(os.getpid(), signal.SIGTERM)
        elif self._fault == "tracker down":
            self._driver.tracker.reachable = False
        else:
            self._refuse()

    def _kill(self) -> None:
        self._driver.driver_dies = self._fault == "driver killed"
        if self._fault == "node lost":
            self._driver.lose_the_node()
        raise Killed

    def _refuse(self) -> None:
        self._disk.error = errno.EROFS if self._fault == "store read-only" else errno.ENOSPC
        sleeps = iter(range(2))

        def slept() -> None:
            if next(sleeps, None) is None:
                self._disk.error = 0

        self._driver.on_sleep = slept

    def _newest_state(self) -> Path:
        key = self._small.adaptation if self._moment == "adaptation" else self._small.rounds[1]
        files = (self._store.root / "checkpoints" / key).glob("*.safetensors")
        return max(files, key=lambda path: path.stat().st_mtime_ns)

    def _record(self) -> Path:
        """The newest record at that moment."""
        rounds = self._small.rounds
        newest = {"adaptation": self._small.folds, "between rounds": rounds[1]}.get(self._moment, rounds[0])
        return self._store.root / "ledger" / newest[:2] / f"{newest}.json"


def damage(path: Path, fault: Fault) -> None:
    """Cut a file in half, or flip one bit of it."""
    data = bytearray(path.read_bytes())
    if fault == "checkpoint truncated":
        path.write_bytes(data[: len(data) // 2])
    else:
        data[-3] ^= 1
        path.write_bytes(data)


def steps_lost_at_most(fault: Fault, moment: Moment) -> int:
    """One interval, which is one step here; a round whose record is damaged is whole trained again."""
    if fault == "record half written":
        return 0 if moment == "adaptation" else STEPS_OF_A_ROUND
    return STEPS_OF_A_ROUND if fault == "two launches" else 1


def told_of(fault: Fault, moment: Moment) -> list[tuple[str, str]]:
    """Cause and next action of what the operator, or the log of a trial, is told: once each."""
    lost = [LOST] if fault in {"trial killed", "node lost", *DAMAGES} else []
    if fault not in SENTENCES or (fault in DAMAGES and moment == "between rounds"):
        return lost
    return [*lost, SENTENCES[fault]]


@pytest.mark.parametrize(("fault", "moment"), ALL, ids=map(name_of, ALL))
def test_the_planned_results_come_out(
    fault: Fault,
    moment: Moment,
    small: Small,
    undisturbed: Undisturbed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    opened = small.in_store(tmp_path / "store")
    disk = Disk(opened.store.root, monkeypatch)
    driver = Driver(opened, tmp_path / "caches", Tracker(), monkeypatch)
    injection = Injection(fault, moment, small, driver, disk)
    watched = Watched(small, moment, injection, at_save=fault in DAMAGES)
    watched.install(monkeypatch)

    if fault == "tracker down":
        assert not driver.launch(), "the tracker is down at the end of the launch"
        driver.tracker.reachable = True
    driver.run()

    assert not watched.armed, "the fault did not happen"
    assert results(opened.store) == undisturbed.results
    counted = watched.counted
    assert max(counted.starts.values()) <= 2
    hits = 2 if fault == "record half written" else 1  # its process dies as well
    assert counted.starts.total() <= undisturbed.counted.starts.total() + hits
    assert counted.steps - undisturbed.counted.steps <= steps_lost_at_most(fault, moment)
    assert driver.tracker.most == 1, "no launch gives the tracker a trajectory twice"
    assert driver.tracker.made == {trajectory.key for trajectory in opened.plan.trajectories}
    nothing_is_left(opened.store)
    told = {*driver.said, *caplog.messages}
    for cause, onward in told_of(fault, moment):
        assert [onward in sentence for sentence in told if cause in sentence] == [True], told


def nothing_is_left(store: Store) -> None:
    """No state of recorded work, no half-written file, no note of a failure."""
    checkpoints = store.root / "checkpoints"
    assert not checkpoints.exists() or list(checkpoints.iterdir()) == []
    assert list(store.root.rglob("*.tmp")) == []
    assert store.ledger.failures() == {}
