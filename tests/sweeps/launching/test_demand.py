"""On a cluster without workers: what is wanted is seen by the autoscaler, and nothing keeps others out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from after_ray.store import Store
from sweeps.launching import unmet
from sweeps.launching.autoscaler import may_grow
from sweeps.launching.launch import launch
from sweeps.launching.ray_start import Where, running_ray
from sweeps.launching.sight import Nobody
from sweeps.planning.jobs import Job
from sweeps.planning.opening import open_study
from sweeps.running.studies import prepare

STUDY = """\
study: demand
corpus: {name: synthetic, speakers: 6, sentences: 3}
classifier: [functionals, {name: light_sernet, steps: 2, evaluations: 1, batch_size: 8}]
schedule: [20, 60]
fold: 0
seed: 0..7
protocol: {preset: paper, folds: {count: 3}}
resources: {cpu: 1, gpu: 1}
"""
WAITING = 8  # rounds 0 of Light-SERNet, one per seed: each is ready and needs a GPU

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head with two processors and no worker."""
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "num_gpus": 0})
    yield made
    made.shutdown()


def test_eight_ready_trials_are_a_demand_for_eight_and_delay_no_other(cluster: Any, tmp_path: Path) -> None:
    study, store = tmp_path / "demand.yaml", tmp_path / "store"
    study.write_text(STUDY)
    command = [
        sys.executable,
        "-m",
        "sweeps.cli",
        "run",
        study,
        "--store",
        store,
        "--address",
        cluster.address,
    ]
    with (tmp_path / "log").open("w") as log:
        driver = subprocess.Popen(
            [str(word) for word in command], stdout=log, stderr=log, env=dict(os.environ)
        )
    try:
        plan = open_study(study, store).plan
        without_gpu = {t.key for t in plan.trajectories if t.axes.method == "functionals"}
        deadline = time.monotonic() + 200
        while not without_gpu <= Store(store).ledger.finished() and time.monotonic() < deadline:
            assert driver.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.5)
        assert without_gpu <= Store(store).ledger.finished(), "trials that need no GPU were kept waiting"
        assert demanded(cluster.gcs_address, deadline) == [{"CPU": 1.0, "GPU": 1.0}] * WAITING
        with_gpu = {t.key for t in plan.trajectories} - without_gpu
        assert with_gpu.isdisjoint(Store(store).ledger.finished())
    finally:
        driver.kill()
        driver.wait()


class Listening(Nobody):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def on_trial(self, job: Job, result: Mapping[str, Any]) -> None:
        self.said += [str(result["said"])] if result.get("said") else []


def test_where_no_node_can_come_what_fits_is_run_and_the_rest_given_up_in_a_sentence(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unmet, "SAID_AFTER", 3.0)
    monkeypatch.setattr(unmet, "GIVEN_UP_AFTER", 6.0)
    (tmp_path / "demand.yaml").write_text(STUDY)
    opened = open_study(tmp_path / "demand.yaml", tmp_path / "store")
    prepare(opened)
    listening = Listening()
    outcome = launch([opened.plan], opened.store, Where(address=cluster.address), listening)
    assert str(outcome.unmet).startswith(
        f"No node can hold {WAITING} trials of 1 CPU and 1 GPU, ready to run"
    )
    assert outcome.stopped == outcome.unmet
    assert outcome.failed == {}
    assert listening.said
    assert "no autoscaler is there to add one" in listening.said[0]
    without_gpu = {t.key for t in opened.plan.trajectories if t.axes.method == "functionals"}
    assert without_gpu <= opened.store.ledger.finished()
    assert opened.store.ledger.failures() == {}


def test_an_autoscaler_is_found_in_rays_own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.autoscaler._private.monitor import BASE_READONLY_CONFIG
    from ray.cluster_utils import Cluster

    config = BASE_READONLY_CONFIG | {
        "max_workers": 2,
        "provider": {"type": "fake_multinode", "disable_node_updaters": True},
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 2}, "node_config": {}, "max_workers": 0},
            "gpu_worker": {"resources": {"CPU": 2, "GPU": 1}, "node_config": {}, "max_workers": 0},
        },
        "head_node_type": "ray.head.default",
    }
    (tmp_path / "cluster.json").write_text(json.dumps(config))
    monkeypatch.setenv("RAY_FAKE_CLUSTER", "1")
    monkeypatch.setenv("AUTOSCALER_UPDATE_INTERVAL_S", "1")
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    scaled = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 2, "autoscaling_config": str(tmp_path / "cluster.json")},
    )
    try:
        with running_ray(Where(address=scaled.address)):
            deadline = time.monotonic() + 60
            while not may_grow() and time.monotonic() < deadline:
                time.sleep(0.5)
            assert may_grow()
    finally:
        scaled.shutdown()


def demanded(gcs_address: str, deadline: float) -> list[dict[str, float]]:
    """The bundles of resources that the autoscaler is asked for."""
    from ray.autoscaler.v2.sdk import get_cluster_status

    bundles: list[dict[str, float]] = []
    while len(bundles) < WAITING and time.monotonic() < deadline:
        groups = get_cluster_status(gcs_address).resource_demands.placement_group_demand
        bundles = [
            plain(bundle.bundle)
            for group in groups
            for bundle in group.bundles_by_count
            for _ in range(bundle.count)
        ]
        time.sleep(0.5)
    return bundles


def plain(bundle: dict[str, float]) -> dict[str, float]:
    """A bundle without Ray's own marks."""
    return {name: amount for name, amount in bundle.items() if name in {"CPU", "GPU"}}
