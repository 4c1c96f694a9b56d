"""A real MLflow server, killed in the middle and started again: in the end each point is there once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from after_ray.store import Store
from sweeps.tracking import MirrorThread, default_tracking_uri, fill, read_frame
from sweeps.tracking._connection import ENVIRONMENT
from sweeps.tracking.sample import sample_rows, sample_study, sample_trajectories
from tests.sweeps.tracking.looking import PERCENTS, all_runs, everything, nested, parent, points

pytestmark = pytest.mark.services


class Server:
    """An MLflow server on one SQLite file, which stays when the server is killed."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.uri = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        command = f"-m mlflow server --host 127.0.0.1 --port {self._port} --workers 1 --backend-store-uri"
        options = [f"sqlite:///{self._folder}/mlflow.db", "--artifacts-destination", f"{self._folder}/files"]
        self._process = subprocess.Popen(
            [sys.executable, *command.split(), *options],
            env=os.environ | ENVIRONMENT | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # its workers are killed with it
        )
        wait_until(self._answers, 90)

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False


def wait_until(true: object, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.1)


def newest(client: MlflowClient) -> dict[str, dict[str, float]]:
    """What the table rows show."""
    return {run.data.tags["after_ray.key"]: run.data.metrics for run in nested(client, "summary")}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("server"))
    try:
        one.start()
        yield one
    finally:
        one.kill()


def test_a_server_killed_in_the_middle_gets_each_point_once_when_it_is_back(server, store):
    trajectories = list(sample_trajectories(store, 1, 2, PERCENTS, utterances=5))
    study = sample_study(8, sample_rows(trajectories))
    said: list[str] = []
    thread = MirrorThread(server.uri, store, study, retry_seconds=0.5, say=said.append)
    for trajectory in trajectories:
        thread.submit(trajectory)
    client = MlflowClient(server.uri)
    wait_until(lambda: client.get_experiment_by_name("after-ray/sample"), 60)
    wait_until(lambda: nested(client), 60)
    server.kill()
    thread.progress({"cells_done": 24})
    wait_until(lambda: said, 60)
    server.start()
    report = thread.close(timeout=120)
    assert (report.mirrored, report.pending, report.error) == (8, 0, None)
    assert "after-ray mirror STUDY.yaml" in said[0]
    assert report.links is not None
    assert report.links.rows.startswith(f"{server.uri}/#/experiments/")
    fill(default_tracking_uri(store), store, study, trajectories)
    undisturbed = MlflowClient(default_tracking_uri(store))
    assert points(client) == points(undisturbed)
    assert len(nested(client, "summary")) == 4
    assert newest(client) == newest(undisturbed)
    assert {run.info.status for run in all_runs(client)} == {"FINISHED"}
    assert parent(client).data.metrics == {"cells_done": 24}


def test_mirroring_again_and_rebuilding_change_nothing_on_the_server(server, store):
    """What the test before has left there is of another store with the same records."""
    trajectories = list(sample_trajectories(store, 1, 2, PERCENTS, utterances=5))
    study = sample_study(8, sample_rows(trajectories))
    fill(server.uri, store, study, trajectories)
    client = MlflowClient(server.uri)
    before = everything(client)
    assert fill(server.uri, store, study, trajectories).written == 0
    assert fill(server.uri, store, study, trajectories, rebuild=True).written == 8
    assert everything(client) == before
    assert len(read_frame(server.uri, "sample")) == 8 * len(PERCENTS)


def test_a_search_of_the_pages_finds_table_rows_by_axis(server, store: Store):
    (trajectory, *_) = sample_trajectories(store, 1, 1, PERCENTS, utterances=5)
    fill(server.uri, store, sample_study(1, sample_rows([trajectory])), [trajectory])
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name("after-ray/sample").experiment_id
    query = "tags.`after_ray.kind` = 'summary' and tags.strategy = 'random' and metrics.ua_at_20 > 0"
    assert [run.data.tags["strategy"] for run in client.search_runs([experiment], query)] == ["random"]
