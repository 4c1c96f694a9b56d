"""The fault matrix through a real Ray: a launch in its own process, hit from outside.

Ten combinations, every fault but one and every moment, run on every change; `AFTER_RAY_FAULTS=all` (`make
chaos`) runs all 44.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from after_ray.stages import AdaptationStage
from after_ray.store import Store
from sweeps.study.opening import open_study
from tests.faults.matrix import ALL, THROUGH_RAY, Fault, Moment, name_of
from tests.faults.outside import Launch, Study, Watch, resume, trials
from tests.faults.small import results
from tests.faults.test_in_process import DAMAGES, SENTENCES, damage

CHOSEN = ALL if os.environ.get("AFTER_RAY_FAULTS") == "all" else THROUGH_RAY
SECONDS_OF_AN_OUTAGE = 4.0
LOST = "The process of a trial was lost"

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    made = Study(tmp_path_factory.mktemp("outside"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(made.folder)
        yield made


@pytest.fixture(scope="module")
def undisturbed(study: Study) -> dict[str, Any]:
    store = study.folder / "undisturbed"
    launch = study.launch(store, "--cpus", "1")
    assert launch.ends() == 0, launch.output
    return results(Store(store))


@pytest.fixture
def store(study: Study, undisturbed: dict[str, Any], tmp_path: Path) -> Iterator[Path]:
    """A store on a disk of its own, which has what only the driver makes."""
    root = tmp_path / "store"
    root.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(root)], check=False)
    if mounted.returncode:
        pytest.skip("missing here: the right to mount a small disk, which stores that are full need")
    try:
        yield root
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)
        for left in (study.hold, study.picking):
            left.unlink(missing_ok=True)


class Hit:
    """One fault in a launch, at its moment; afterwards everything is as it was but for what it did."""

    def __init__(self, fault: Fault, moment: Moment, study: Study, store: Path) -> None:
        self._fault, self._moment, self._study, self._store = fault, moment, study, store
        opened = open_study(study.path, study.folder / "undisturbed")
        (adaptation,) = opened.plan.of_kind(AdaptationStage)
        rounds = tuple(stage.key for stage in opened.plan.trajectories[0].stages)
        self._watch = Watch(study, store, adaptation, rounds)
        self._cluster: Any = None
        self.launches: list[Launch] = []

    def run(self) -> None:
        """Launch, hit, and launch again until everything is there."""
        with nodes(self._study) if self._fault == "node lost" else nullcontext() as cluster:
            self._cluster = cluster
            self._run()

    def _run(self) -> None:
        if self._moment == "selection":
            self._study.hold.touch()
        first = self._launch()
        self._watch.wait_for(self._moment, first)
        stopped = trials(first) or trials()
        self._happen(first, stopped)
        self._study.hold.unlink(missing_ok=True)
        if self._fault in {"driver killed", "record half written"}:
            assert not first.running
            self._launch()
        assert self.launches[-1].ends() == 0, self.launches[-1].output
        if first.running:
            assert first.ends() == 0, first.output

    @property
    def told(self) -> str:
        """All that the operator was told."""
        return " ".join(launch.output for launch in self.launches)

    def _launch(self) -> Launch:
        where = ("--cpus", "1") if self._cluster is None else ("--address", self._cluster.address)
        launch = self._study.launch(self._store, *where, *self._tracking())
        self.launches.append(launch)
        return launch

    def _tracking(self) -> tuple[str, ...]:
        return ("--tracking-uri", "http://127.0.0.1:9") if self._fault == "tracker down" else ()

    def _happen(self, launch: Launch, stopped: list[Any]) -> None:
        if self._fault == "trial killed":
            stopped[0].kill()
        elif self._fault == "node lost":
            (node,) = self._cluster.worker_nodes
            self._cluster.remove_node(node, allow_graceful=False)
            resume(stopped)
            self._cluster.add_node(num_cpus=1)
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
            stopped[0].send_signal(signal.SIGTERM)
            resume(stopped)
        elif self._fault == "store read-only":
            with read_only(self._store):
                resume(stopped)
                self._study.hold.unlink(missing_ok=True)
                time.sleep(SECONDS_OF_AN_OUTAGE)
        elif self._fault == "store full":
            with full(self._store):
                resume(stopped)
                self._study.hold.unlink(missing_ok=True)
                time.sleep(SECONDS_OF_AN_OUTAGE)
        else:
            resume(stopped)

    def _damage_the_newest_state(self) -> None:
        key = self._watch.adaptation if self._moment == "adaptation" else self._watch.rounds[1]
        newest = self._watch.state(key)
        if newest:
            damage(self._store / "checkpoints" / key / newest["arrays"], self._fault)

    def _cut_a_record(self) -> None:
        recorded = sorted(self._store.glob("ledger/*/*.json"), key=lambda path: path.stat().st_mtime_ns)
        recorded[-1].write_bytes(recorded[-1].read_bytes()[:100])


@contextmanager
def nodes(study: Study) -> Iterator[Any]:
    """A head that runs no trial, and one node that does; a lost one is missed after a few seconds."""
    from ray.cluster_utils import Cluster

    quickly = {"health_check_period_ms": 500, "health_check_failure_threshold": 4}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", study.environment()["PYTHONPATH"])
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "1")  # several nodes on this machine
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": quickly})
        try:
            cluster.add_node(num_cpus=1)
            yield cluster
        finally:
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
    fault: Fault, moment: Moment, study: Study, undisturbed: dict[str, Any], store: Path
) -> None:
    hit = Hit(fault, moment, study, store)
    hit.run()
    assert results(Store(store)) == undisturbed
    assert Store(store).ledger.failures() == {}
    assert "Traceback" not in hit.told, hit.told
    for sentence in expected(fault, moment):
        assert sentence in hit.told, hit.told


def expected(fault: Fault, moment: Moment) -> tuple[str, ...]:
    """What the operator must have been told."""
    if fault in {"trial killed", "node lost", *DAMAGES}:
        return (LOST,)
    return SENTENCES.get(fault, ())
