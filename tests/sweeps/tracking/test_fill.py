"""Filling in afterwards: all that the store has, each point once; `rebuild` takes nothing for granted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from after_ray.errors import DamagedStore
from after_ray.store import Store
from sweeps.tracking import Mirror, default_tracking_uri, fill
from sweeps.tracking._links import links_of
from sweeps.tracking._names import KEY
from sweeps.tracking.errors import TrackerRefused, TrackerUnreachable
from sweeps.tracking.mirrored import MirroredRun
from sweeps.tracking.sample import sample_rows, sample_study
from tests.sweeps.tracking.looking import everything, nested, parent, points


@pytest.fixture
def study(trajectories):
    return sample_study(len(trajectories), sample_rows(trajectories))


@pytest.fixture
def empty(template, tmp_path) -> str:
    """The URI of an MLflow database of somebody's own, without runs."""
    return f"sqlite:///{shutil.copy(template[0] / 'mlflow.db', tmp_path / 'empty.db')}"


def test_what_an_outage_left_out_is_filled_in_and_nothing_else_is_touched(
    client, store, study, trajectories, mirror_all
):
    mirror_all(trajectories[:3])
    before = points(client)
    filled = fill(default_tracking_uri(store), store, study, trajectories)
    assert (filled.trajectories, filled.written) == (4, 1)
    after = points(client)
    assert {name: after[name] for name in before} == before
    assert len(nested(client)) == len(nested(client, "summary")) == 4
    assert fill(default_tracking_uri(store), store, study, trajectories).written == 0


def test_a_rebuilt_database_holds_what_the_first_one_holds(client, store, study, trajectories, empty):
    fill(default_tracking_uri(store), store, study, trajectories)
    fill(empty, store, study, trajectories, rebuild=True)
    rebuilt = MlflowClient(empty)
    assert points(rebuilt) == points(client)
    assert points(rebuilt, "summary") == points(client, "summary")
    for kind in ("trajectory", "summary"):
        described = [
            {run.data.tags[KEY]: (run.data.params, run.info.start_time, run.info.end_time) for run in runs}
            for runs in (nested(client, kind), nested(rebuilt, kind))
        ]
        assert described[0] == described[1]


def test_a_rebuild_where_everything_is_there_changes_nothing(client, store, study, trajectories):
    fill(default_tracking_uri(store), store, study, trajectories)
    before = everything(client)
    fill(default_tracking_uri(store), store, study, trajectories, rebuild=True)
    assert everything(client) == before


def test_a_rebuild_brings_back_files_and_points_that_runs_claim_to_hold(client, store, study, trajectories):
    fill(default_tracking_uri(store), store, study, trajectories)
    shutil.rmtree(store.root / "mlartifacts")
    run = nested(client)[0]
    client.delete_tag(run.info.run_id, "strategy")
    fill(default_tracking_uri(store), store, study, trajectories)
    assert client.list_artifacts(run.info.run_id) == [], "what a run says of itself is believed"
    fill(default_tracking_uri(store), store, study, trajectories, rebuild=True)
    assert {file.path for file in client.list_artifacts(run.info.run_id)} >= {"cells.json", "predictions"}
    assert "strategy" in client.get_run(run.info.run_id).data.tags


def test_a_run_that_a_retried_request_makes_twice_is_there_once_when_the_mirror_ends(
    client, store, study, trajectories, monkeypatch
):
    real = MlflowClient.create_run

    def twice(self: MlflowClient, *arguments: object, **named: object) -> object:
        real(self, *arguments, **named)
        return real(self, *arguments, **named)

    monkeypatch.setattr(MlflowClient, "create_run", twice)
    fill(default_tracking_uri(store), store, study, trajectories)
    assert len(nested(client)) == len(nested(client, "summary")) == 4
    assert {run.info.status for run in nested(client) + nested(client, "summary")} == {"FINISHED"}


@pytest.mark.parametrize("half", [False, True])
def test_records_that_were_computed_again_replace_the_run_instead_of_doubling_its_points(
    client, store, study, trajectories, half
):
    """Their keys are the same, their times are not, and MLflow takes another time for another point."""
    last = store.root / "ledger" / trajectories[0].key[:2] / f"{trajectories[0].key}.json"
    aside = last.rename(store.root / "aside.json") if half else last
    fill(default_tracking_uri(store), store, study, trajectories)
    aside.rename(last)
    for path in (store.root / "ledger").glob("*/*.json"):
        record = json.loads(path.read_text())
        record |= {name: record[name] + 1e4 for name in ("started", "finished")}
        path.write_text(json.dumps(record))
    fill(default_tracking_uri(store), store, study, trajectories, rebuild=True)
    assert {len(history) for (_, name), history in points(client).items() if "_at_" in name} == {1}


def test_one_damaged_trajectory_is_named_and_the_others_are_mirrored(client, store, study, trajectories):
    store.drop(store.need(trajectories[1].key), "predictions.safetensors")
    with pytest.raises(DamagedStore, match=r"predictions\.safetensors"):
        fill(default_tracking_uri(store), store, study, trajectories)
    finished = [run for run in nested(client) if run.info.status == "FINISHED"]
    assert len(finished) == 3
    assert parent(client).info.status == "FINISHED"


def test_an_unreachable_tracker_is_one_sentence_and_the_next_mirror_is_let_in(store, study, trajectories):
    with pytest.raises(TrackerUnreachable, match=r"'after-ray mirror STUDY\.yaml' fills it in"):
        fill("http://127.0.0.1:9", store, study, trajectories)
    assert fill(default_tracking_uri(store), store, study, trajectories).written == 4


def test_a_tracker_that_refuses_is_left_alone_after_three_trajectories(
    store, study, trajectories, monkeypatch
):
    attempts = []

    def refuse(self: Mirror, trajectory: object) -> bool:
        attempts.append(trajectory)
        raise ConnectionError("out of space\nand a trace")

    monkeypatch.setattr(Mirror, "trajectory", refuse)
    with pytest.raises(TrackerRefused, match=r"did not take everything \(out of space\)"):
        fill(default_tracking_uri(store), store, study, trajectories)
    assert len(attempts) == 3


def test_progress_is_on_the_parent_run_and_the_newest_counts(client, store, study):
    mirror = Mirror(default_tracking_uri(store), store)
    mirror.open_study(study)
    now = parent(client).info.start_time / 1000
    mirror.progress({"cells_done": 12, "eta_hours": 3.0}, now + 60)
    mirror.progress({"cells_done": 15, "eta_hours": 2.5}, now + 120)
    mirror.close_study()
    run = parent(client)
    assert (run.data.metrics["cells_done"], run.data.metrics["eta_hours"]) == (15, 2.5)
    history = client.get_metric_history(run.info.run_id, "cells_done")
    assert [(point.step, point.value) for point in history] == [(60, 12), (120, 15)]


def test_a_run_of_another_kind_is_found_by_its_kind_and_is_in_no_table(client, store, study):
    mirror = Mirror(default_tracking_uri(store), store)
    mirror.open_study(study)
    half = MirroredRun("candidate", "c1", "candidate 1", {"value": 0.5}, 2, "two", 100.0, False)
    whole = MirroredRun(
        "candidate", "c1", "candidate 1", {"value": 0.6}, 4, "four", 200.0, True, {}, {"classifier.c": 2.0}
    )
    assert [mirror.run(run) for run in (half, whole, whole)] == [True, True, False]
    mirror.close_study()
    (run,) = nested(client, "candidate")
    assert (run.data.metrics, run.data.params["classifier.c"]) == ({"value": 0.6}, "2.0")
    assert run.data.tags["mlflow.parentRunId"] == parent(client).info.run_id
    assert [step for step, _, _ in points(client, "candidate")["c1", "value"]] == [2, 4]


def test_what_a_record_says_of_its_machine_is_a_tag(client, store, study, trajectories):
    fill(default_tracking_uri(store), store, study, trajectories)
    run = nested(client)[0]
    assert (run.data.tags["device_name"], run.data.tags["shared_by"]) == ("made up", "1")
    assert "commit" not in run.data.tags, "older records do not say it"


def test_links_lead_to_a_server_or_name_the_command_that_serves_a_database(store, study, empty: str):
    own = fill(default_tracking_uri(store), store, study, ()).links
    assert own.server == f"after-ray ui --store {store.root}"
    assert own.rows.startswith("http://127.0.0.1:5000/#/experiments/")
    assert own.rows.endswith("searchFilter=tags.%60after_ray.kind%60%20%3D%20%27summary%27")
    assert "viewStateShareKey=curves" in own.curves
    assert f"--tracking-uri {empty}" in fill(empty, store, study, ()).links.server


def test_links_of_a_server_lie_below_its_own_address(tmp_path: Path):
    links = links_of("http://mlflow.example/", Store(tmp_path), "7")
    assert links.server == ""
    assert links.curves.startswith("http://mlflow.example/#/experiments/7/runs?")
    assert links.lines("emodb")[0] == "MLflow's pages:"


def test_the_searches_of_the_documentation_are_understood(client, store, study, trajectories):
    fill(default_tracking_uri(store), store, study, trajectories)
    experiment = parent(client).info.experiment_id
    page = (Path(__file__).parents[3] / "docs" / "mlflow.md").read_text()
    block = page.partition("## Searches")[2].partition("```text\n")[2].partition("```")[0]
    searches = block.strip().splitlines()
    assert len(searches) == 4
    for query in searches:
        client.search_runs([experiment], query)
    assert len(client.search_runs([experiment], searches[0].replace("0.7", "0.5"))) == 4
