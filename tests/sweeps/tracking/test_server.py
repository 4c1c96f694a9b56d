"""A real MLflow server, killed in the middle and started again: in the end each point is there once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mlflow import MlflowClient

from after_ray.store import Store
from sweeps.tracking import MirrorThread, default_tracking_uri, fill, read_frame
from sweeps.tracking.sample import sample_rows, sample_study, sample_trajectories
from tests.sweeps.tracking.looking import PERCENTS, all_runs, everything, nested, parent, points
from tests.sweeps.tracking.server import Server, wait_until

pytestmark = pytest.mark.services


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
