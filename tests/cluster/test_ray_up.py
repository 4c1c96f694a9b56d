"""`ray up` for real, on test hosts with the cluster file that users fill in; a worker is cut off half-way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from after_ray.store import Store
from tests.cluster.hosts import HOME, NETWORK, Host, lan
from tests.faults.small import results

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ADDRESSES = {
    "HEAD_ADDRESS": f"{NETWORK}.11",
    "WORKER_1_ADDRESS": f"{NETWORK}.12",
    "WORKER_2_ADDRESS": f"{NETWORK}.13",
    "USER": "root",
}
# All hosts see this whole machine, so each is told what is its own.
SIZE = "--memory=2000000000 --object-store-memory=100000000"
# A lost node is noticed within seconds here; by default Ray takes a quarter of a minute.
NOTICED = {"period_ms": 1000, "timeout_ms": 1000, "initial_delay_ms": 1000, "failure_threshold": 3}
JOBS = "http://127.0.0.1:8265"  # the head's dashboard, through the tunnel of `ray dashboard`
SUBMIT = f"ray job submit --address {JOBS} --working-dir job"
STUDY = """\
study: far
corpus: {name: synthetic, speakers: 6, sentences: 4}
classifier: {name: light_sernet, steps: 25}
strategy: [random, entropy]
schedule: [20, 40, 60]
fold: 0..1
protocol: {preset: paper, folds: {count: 3}}
"""

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Cluster:
    """Hosts, and on the first of them, the laptop, the file that the others are started by."""

    laptop: Host
    head: Host
    workers: tuple[Host, Host]
    folder: Path

    @property
    def store(self) -> Path:
        """Shared by all hosts."""
        return self.folder / "store"

    def on_laptop(self, command: str, seconds: float = 200) -> str:
        """Run a command beside the cluster file; what it prints."""
        done = self.laptop.run(f"cd {self.folder} && {command}", seconds)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr


def filled_in(folder: Path) -> dict[str, Any]:
    """`clusters/on_prem.yaml` as a user of these hosts fills it in; Python and the project are there."""
    text = (REPOSITORY / "clusters/on_prem.yaml").read_text()
    for name, value in ADDRESSES.items():
        text = text.replace(name, value)
    config: dict[str, Any] = yaml.safe_load(text)
    environment, bashrc, *_ = config["setup_commands"]
    lines = [line for line in environment.splitlines() if "MLFLOW" not in line and "venv" not in line]
    changed = {"AFTER_RAY_STORE": folder / "store", "AFTER_RAY_CACHE": f"{HOME}/cache"}
    lines = [
        next((f"export {name}={value}" for name, value in changed.items() if f"export {name}=" in line), line)
        for line in lines
    ]
    lines[-1:-1] = [f"export RAY_health_check_{name}={value}" for name, value in NOTICED.items()]
    config["setup_commands"] = ["\n".join(lines) + "\n", bashrc]
    del config["file_mounts"]["~/after-ray"]
    config["head_start_ray_commands"][1] += f" {SIZE}"
    config["worker_start_ray_commands"][1] += f" --num-cpus=1 {SIZE}"
    return config


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
        "HF_HUB_OFFLINE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    (folder / "far.yaml").write_text(STUDY)
    (folder / "job").mkdir()
    (folder / "job/far.yaml").write_text(STUDY)
    (folder / "cluster.yaml").write_text(yaml.safe_dump(filled_in(folder), sort_keys=False))
    with lan(folder, ["laptop", "head", "worker-1", "worker-2"], environment) as hosts:
        laptop, head, *workers = hosts
        yield Cluster(laptop, head, (workers[0], workers[1]), folder)


def wait_until(true: Callable[[], object], seconds: float, what: Callable[[], str]) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what()
        time.sleep(0.5)


def begin_alone(folder: Path) -> subprocess.Popen[bytes]:
    """The study on this machine alone, while machines start that nobody has to wait for twice."""
    command = [str(BIN / "after-ray"), "run", str(folder / "far.yaml"), "--store", str(folder / "alone")]
    command += ["--no-report"]
    with (folder / "alone.log").open("wb") as log:
        return subprocess.Popen(
            [*command, "--cpus", "1"],
            env=os.environ | {"PYTHONPATH": str(REPOSITORY), "RAY_AUTH_MODE": "disabled"},
            stdout=log,
            stderr=log,
        )


def rounds_by_host(store: Path) -> dict[str, int]:
    """How many rounds each host has recorded."""
    found: dict[str, int] = {}
    kept = Store(store)
    for key in kept.ledger.finished():
        record = kept.need(key)
        if record.kind == "round":
            host = str(record.environment["host"])
            found[host] = found.get(host, 0) + 1
    return found


def test_a_study_on_a_cluster_that_loses_a_worker_ends_as_on_one_machine(cluster: Cluster) -> None:
    laptop, log, folder = cluster.laptop, cluster.folder / "job.log", cluster.folder
    alone = begin_alone(folder)
    cluster.on_laptop("ray get-auth-token --generate > /dev/null; ray up -y cluster.yaml")
    tunnel = laptop.begin(f"cd {folder} && ray dashboard cluster.yaml", folder / "tunnel.log")
    status = "exec 3<> /dev/tcp/127.0.0.1/8265"
    wait_until(lambda: laptop.run(status).returncode == 0, 60, (folder / "tunnel.log").read_text)

    job = laptop.begin(
        f"cd {folder} && exec {SUBMIT} -- after-ray run far.yaml --address auto --no-report", log
    )
    hosts = {host.name for host in cluster.workers}
    wait_until(
        lambda: job.poll() is not None or rounds_by_host(cluster.store).keys() >= hosts, 200, log.read_text
    )
    assert job.poll() is None, log.read_text()
    cluster.workers[1].cut_off()
    before = rounds_by_host(cluster.store)

    assert job.wait(200) == 0, log.read_text()
    assert rounds_by_host(cluster.store).keys() == hosts, "no trial runs on the head"
    assert rounds_by_host(cluster.store)["worker-1"] > before["worker-1"]
    assert alone.wait(200) == 0, (folder / "alone.log").read_text()
    assert results(Store(cluster.store)) == results(Store(folder / "alone"))
    assert "was lost" in log.read_text()

    again = laptop.run(f"cd {folder} && after-ray run far.yaml --address {JOBS} --no-report")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "0 trials ran" in again.stdout
    tunnel.terminate()

    cluster.on_laptop("ray down -y cluster.yaml")
    # Ray leaves workers of this kind to themselves; docs/cluster.md says to stop them so.
    cluster.on_laptop(f"ssh root@{cluster.workers[0].address} -- bash -lc \"'ray stop'\"")
    for host in (cluster.head, cluster.workers[0]):
        left = [line for line in host.processes if "ray" in line.lower()]
        assert not left, f"{host.name}: {left}"
