"""The fault matrix through a real Ray: a launch in its own process, hit from outside.

Ten combinations, every fault but one and every moment, run on every change; `AFTER_RAY_FAULTS=all` (`make
chaos`) runs all 44. A SIGTERM goes, as on a machine that is taken away, to `ray start` and to the trial.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from mlflow import MlflowClient

from after_ray.stages import AdaptationStage
from after_ray.store import Store
from sweeps.planning.opening import open_study
from sweeps.tracking import default_tracking_uri
from tests.faults.counted import Counted
from tests.faults.matrix import ALL, THROUGH_RAY, Fault, Moment, name_of
from tests.faults.outside import STEPS_OF_A_ROUND, Launch, Study, Watch, resume
from tests.faults.small import results
from tests.faults.test_in_process import DAMAGES, LOST, SENTENCES, damage
from tests.sweeps.tracking.looking import steps
from tests.sweeps.tracking.server import Server

CHOSEN = ALL if os.environ.get("AFTER_RAY_FAULTS") == "all" else THROUGH_RAY
SECONDS_OF_AN_OUTAGE = 4.0

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    made = Study(tmp_path_factory.mktemp("outside"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(made.folder)
        yield made


@dataclass(frozen=True)
class Undisturbed:
    """What a launch gives that nothing happens to; `points`: the steps of each metric in MLflow."""

    results: dict[str, Any]
    counted: Counted
    points: dict[tuple[str, str, str], list[int]]


@pytest.fixture(scope="module")
def undisturbed(study: Study) -> Undisturbed:
    store = study.folder / "undisturbed"
    launch = study.launch(store, "--cpus", "1")
    assert launch.ends() == 0, launch.output
    counted = study.counted
    assert set(counted.starts.values()) == {1}
    return Undisturbed(results(Store(store)), counted, points(default_tracking_uri(Store(store))))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A tracker that can go down, and has nothing yet."""
    folder = tmp_path / "server"
    folder.mkdir()
    one = Server(folder)
    try:
        yield one
    finally:
        one.kill()


def points(tracking_uri: str) -> dict[tuple[str, str, str], list[int]]:
    return steps(MlflowClient(tracking_uri), "outside")


@pytest.fixture
def store(study: Study, undisturbed: Undisturbed, tmp_path: Path) -> Iterator[Path]:
    """A store on a disk of its own, which has what only the driver makes."""
    root = tmp_path / "store"
    root.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(root)], check=False)
    if mounted.returncode:
        pytest.skip("missing here: the right to mount a small disk, which stores that are full need")
    study.count_anew()
    try:
        yield root
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)
        for left in (study.hold, study.picking):
            left.unlink(missing_ok=True)


class Hit:
    """One fault in a launch, at its moment; afterwards everything is as it was but for what it did."""

    def __init__(self, fault: Fault, moment: Moment, study: Study, store: Path, server: Server) -> None:
        self._fault, self._moment, self._study, self._store = fault, moment, study, store
        self._server = server
        opened = open_study(study.path, study.folder / "undisturbed")
        (adaptation,) = opened.plan.of_kind(AdaptationStage)
        rounds = tuple(stage.key for stage in opened.plan.trajectories[0].stages)
        self._watch = Watch(study, store, adaptation, rounds)
        self._nodes: Nodes | None = None
        self.launches: list[Launch] = []

    def run(self) -> None:
        """Launch, hit, and launch again until everything is there."""
        on_nodes = self._fault in {"node lost", "sigterm with notice"}
        with nodes(self._study) if on_nodes else nullcontext() as self._nodes:
            self._watch.address = None if self._nodes is None else self._nodes.address
            self._run()

    def _run(self) -> None:
        if self._moment == "selection":
            self._study.hold.touch()
        if self._fault == "tracker down":
            self._server.start()
        first = self._launch()
        self._happen(first, self._watch.wait_for(self._moment, first))
        self._study.hold.unlink(missing_ok=True)
        if self._fault in {"driver killed", "record half written"}:
            assert not first.running
            self._launch()
        assert self.launches[-1].ends() == 0, self.launches[-1].output
        if first.running:
            assert first.ends() == 0, first.output
        if self._fault == "tracker down":
            self._server.start()
            filled = self._study.launch(self._store, *self._tracking(), verb="mirror")
            assert filled.ends() == 0, filled.output

    @property
    def tracking_uri(self) -> str:
        """Of the tracker that the launches tell."""
        return self._server.uri if self._fault == "tracker down" else default_tracking_uri(Store(self._store))

    @property
    def told(self) -> str:
        """All that the operator was told."""
        return " ".join(launch.output for launch in self.launches)

    def _launch(self) -> Launch:
        where = ("--cpus", "1") if self._nodes is None else ("--address", self._nodes.address)
        launch = self._study.launch(self._store, *where, *self._tracking())
        self.launches.append(launch)
        return launch

    def _tracking(self) -> tuple[str, ...]:
        return ("--tracking-uri", self._server.uri) if self._fault == "tracker down" else ()

    def _happen(self, launch: Launch, stopped: list[Any]) -> None:
        if self._fault == "trial killed":
            stopped[0].kill()
        elif self._fault == "node lost":
            assert self._nodes is not None
            self._nodes.lose_one()
            resume(stopped)
            self._nodes.add()
        elif self._fault == "driver killed":
            launch.kill()
        elif self._fault == "record half written":
            launch.kill()
            self._cut_a_record()
        elif self._fault in DAMAGES:
            self._damage_the_newest_state()
            stopped[0].kill()
        elif self._fault == "two launches":
            resume(stopped)
            self._study.hold.unlink(missing_ok=True)
            self._launch()
        elif self._fault == "sigterm with notice":
            assert self._nodes is not None
            stopped[0].send_signal(signal.SIGTERM)
            resume(stopped)
            self._nodes.notify_one()
            self._nodes.add()
        elif self._fault == "tracker down":
            self._server.kill()
            resume(stopped)
        else:
            outage = {"store read-only": read_only, "store full": full}[self._fault]
            with outage(self._store):
                resume(stopped)
                self._study.hold.unlink(missing_ok=True)
                time.sleep(SECONDS_OF_AN_OUTAGE)

    def _damage_the_newest_state(self) -> None:
        key = self._watch.adaptation if self._moment == "adaptation" else self._watch.rounds[1]
        newest = self._watch.state(key)
        assert newest or self._moment not in ("adaptation", "training"), "there is nothing to damage"
        if newest:  # a selection, or the end of a round, has no state yet, or none any more
            damage(self._store / "checkpoints" / key / newest["arrays"], self._fault)

    def _cut_a_record(self) -> None:
        recorded = sorted(self._store.glob("ledger/*/*.json"), key=lambda path: path.stat().st_mtime_ns)
        recorded[-1].write_bytes(recorded[-1].read_bytes()[:100])


class Nodes:
    """A head that runs no trial, and nodes of one core that do, each by a `ray start` of its own."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._started: list[subprocess.Popen[bytes]] = []

    def add(self) -> None:
        """Start one more."""
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus", "1"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
        self._started.append(subprocess.Popen([*ray, "--address", self.address], **quiet))

    def lose_one(self) -> None:
        """All processes of the newest are gone at once."""
        started = psutil.Process(self._started[-1].pid)
        for process in (started, *started.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def notify_one(self) -> None:
        """The newest is told to end, by a signal to `ray start`."""
        self._started[-1].send_signal(signal.SIGTERM)

    def end(self) -> None:
        """End all of them."""
        for started in self._started:
            started.terminate()
            started.wait(30)


@contextmanager
def nodes(study: Study) -> Iterator[Nodes]:
    """A cluster with one node for trials; a lost one is missed after a few seconds."""
    from ray.cluster_utils import Cluster

    quickly = {"health_check_period_ms": 500, "health_check_failure_threshold": 4}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", study.environment()["PYTHONPATH"])
        patch.setenv("RAY_AUTH_MODE", "disabled")
        # A launch on this machine alone, in an earlier test, keeps Ray to loopback, where no node would join.
        patch.delenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", raising=False)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": quickly})
        made = Nodes(cluster.address)
        try:
            made.add()
            yield made
        finally:
            made.end()
            cluster.shutdown()


@contextmanager
def read_only(store: Path) -> Iterator[None]:
    """Nothing new can be written below the store: a read-only view of it lies over it for a while."""
    subprocess.run(["mount", "--bind", str(store), str(store)], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(store)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(store)], check=True)


@contextmanager
def full(store: Path) -> Iterator[None]:
    """The store's disk has no room left."""
    filler = store / "filler"
    try:
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 12))
        yield
    finally:
        filler.unlink()


@pytest.mark.parametrize(("fault", "moment"), CHOSEN, ids=map(name_of, CHOSEN))
def test_the_planned_results_come_out_through_ray(
    fault: Fault, moment: Moment, study: Study, undisturbed: Undisturbed, store: Path, server: Server
) -> None:
    hit = Hit(fault, moment, study, store, server)
    hit.run()
    assert results(Store(store)) == undisturbed.results
    assert Store(store).ledger.failures() == {}
    assert "Traceback" not in hit.told, hit.told
    for sentence in expected(fault, moment):
        assert sentence in hit.told, hit.told
    begun = study.counted
    assert max(begun.starts.values()) <= 2
    assert begun.steps - undisturbed.counted.steps <= steps_lost_at_most(fault, moment)
    assert points(hit.tracking_uri) == undisturbed.points


def expected(fault: Fault, moment: Moment) -> tuple[str, ...]:
    """What the operator must have been told."""
    if fault in {"trial killed", "node lost", *DAMAGES}:
        return LOST
    return SENTENCES.get(fault, ())


def steps_lost_at_most(fault: Fault, moment: Moment) -> int:
    """The one that was being made, and one interval, which is one step here, where the newest is damaged.

    A round whose record is damaged is whole trained again, beside what its process lost when it died; of
    two launches both may be at the same round.
    """
    if fault == "two launches":
        return STEPS_OF_A_ROUND
    if fault == "record half written" and moment != "adaptation":
        return STEPS_OF_A_ROUND + 1
    return 2 if fault in DAMAGES else 1
