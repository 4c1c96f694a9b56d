"""On a cluster without workers: what is wanted is seen by the autoscaler, and nothing keeps others out."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from after_ray.store import Store
from sweeps.study.opening import open_study

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
