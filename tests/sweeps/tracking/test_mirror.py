"""The mirror against real MLflow on SQLite: every point exactly once, whatever happened before."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from after_ray.errors import DamagedStore
from after_ray.store import Store
from sweeps.tracking import Mirror, default_tracking_uri, read_frame
from sweeps.tracking.errors import MirrorBusy
from sweeps.tracking.sample import sample_study, sample_trajectories
from tests.sweeps.tracking.looking import PERCENTS, all_runs, artifact, everything, nested, parent, points


def test_each_trajectory_is_one_nested_run_with_a_point_per_round(client, store, mirror_all, trajectories):
    mirror_all(trajectories)
    runs = nested(client)
    assert {run.data.tags["after_ray.key"] for run in runs} == {one.key for one in trajectories}
    assert {run.data.tags["mlflow.parentRunId"] for run in runs} == {parent(client).info.run_id}
    assert {run.info.status for run in all_runs(client)} == {"FINISHED"}
    for trajectory in trajectories:
        for (_, key, _), (step, timestamp, value) in zip(
            trajectory.rounds, points(client)[trajectory.key, "ua"], strict=True
        ):
            record = store.need(key)
            assert timestamp == round(1000 * record.finished), "a point's time is that of its record"
            assert value == record.measures["ua"]
            assert step in {1, 5, 20}


def test_axes_are_tags_and_parameters_and_the_name_reads_well(client, mirror_all, trajectories):
    mirror_all(trajectories[1:2])
    (run,) = nested(client)
    assert run.info.run_name == "entropy clustering f0 s0 functionals madeup"
    assert run.data.tags["strategy"] == run.data.params["strategy"] == "entropy"
    assert run.data.params["classifier.c"] == "1.0"
    assert set(run.data.metrics) >= {
        "ua",
        "wa",
        "macro_f1",
        "loss",
        "validation_ua",
        "ece",
        "labelled",
        "seconds_train",
    }


def test_the_parent_carries_the_counts_and_the_study_file(client, mirror_all, trajectories):
    mirror_all(trajectories)
    run = parent(client)
    assert run.data.tags["count.trajectories"] == "4"
    assert Path(client.download_artifacts(run.info.run_id, "study.yaml")).read_text() == "study: sample\n"


def test_artifacts_hold_acquired_confusion_predictions_and_all_cells(client, store, mirror_all, trajectories):
    mirror_all(trajectories[:1])
    (run,) = nested(client)
    first = store.need(trajectories[0].rounds[0][1])
    assert artifact(client, run, "acquired/percent_1.json") == first.details["acquired"]
    assert artifact(client, run, "confusion/percent_1.json")["confusion"] == first.details["confusion"]
    cells = artifact(client, run, "cells.json")
    assert [(cell["percent"], cell["key"]) for cell in cells] == [
        (p, key) for p, key, _ in trajectories[0].rounds
    ]
    assert cells[0]["ua"] == first.measures["ua"]
    copied = client.download_artifacts(run.info.run_id, "predictions/percent_1.safetensors")
    assert Path(copied).read_bytes() == store.path(first, "predictions.safetensors").read_bytes()
    assert [file.path for file in client.list_artifacts(run.info.run_id, "model")] == [
        "model/model.safetensors"
    ]


def test_a_second_mirror_changes_nothing(client, mirror_all, trajectories):
    assert mirror_all(trajectories) == [True] * 4
    before = everything(client)
    assert mirror_all(trajectories) == [False] * 4
    assert everything(client) == before


@pytest.mark.parametrize("fatal", ["log_artifacts", "log_batch", "set_terminated"])
def test_a_mirror_that_died_half_way_is_completed_without_doubled_points(
    client, template, tmp_path, mirror_all, trajectories, monkeypatch, fatal
):
    """The call does its work and the process dies right after it."""
    mirror_all(trajectories)
    undisturbed = points(client)
    other = Store(shutil.copytree(template[0], tmp_path / "other"))
    mirror = Mirror(default_tracking_uri(other), other)
    mirror.open_study(sample_study(4))
    mirror.trajectory(trajectories[0])
    real = getattr(MlflowClient, fatal)

    def work_and_die(self, *arguments, **named):
        real(self, *arguments, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(MlflowClient, fatal, work_and_die)
    with pytest.raises(KeyboardInterrupt):
        mirror.trajectory(trajectories[1])
    mirror.release()
    monkeypatch.undo()
    again = Mirror(default_tracking_uri(other), other)
    again.open_study(sample_study(4))
    for trajectory in trajectories:
        again.trajectory(trajectory)
    again.close_study()
    after = MlflowClient(default_tracking_uri(other))
    assert points(after) == undisturbed
    assert {run.info.status for run in all_runs(after)} == {"FINISHED"}


def test_runs_that_a_retried_request_made_twice_are_removed(client, mirror_all, trajectories):
    mirror_all(trajectories)
    before = points(client)
    for run in all_runs(client):
        client.create_run(
            run.info.experiment_id, start_time=run.info.start_time + 1, tags=dict(run.data.tags)
        )
    assert len(all_runs(client)) == 10
    mirror_all(trajectories)
    assert len(all_runs(client)) == 5
    assert points(client) == before


def test_a_deleted_parent_is_made_again_and_adopts_its_runs(client, mirror_all, trajectories):
    mirror_all(trajectories)
    client.delete_run(parent(client).info.run_id)
    mirror_all(trajectories)
    assert {run.data.tags["mlflow.parentRunId"] for run in nested(client)} == {parent(client).info.run_id}


def test_a_large_checkpoint_is_named_and_not_copied(client, store, mirror_all, trajectories):
    mirror_all(trajectories[:1], reference_above=100)
    (run,) = nested(client)
    record = store.need(trajectories[0].key)
    assert [file.path for file in client.list_artifacts(run.info.run_id, "model")] == ["model/reference.json"]
    reference = artifact(client, run, "model/reference.json")
    assert reference["store_key"] == record.key
    assert reference["sha256"] == record.files["model.safetensors"].sha256


def test_one_search_rebuilds_the_frame(store, mirror_all, trajectories, monkeypatch):
    mirror_all(trajectories)
    searches = []
    real = MlflowClient.search_runs
    monkeypatch.setattr(
        MlflowClient, "search_runs", lambda *a, **named: searches.append(1) or real(*a, **named)
    )
    frame = read_frame(default_tracking_uri(store), "sample")
    assert len(searches) == 1
    assert len(frame) == len(trajectories) * len(PERCENTS)
    for trajectory in trajectories:
        for percent, key, _ in trajectory.rounds:
            (row,) = frame[(frame["trial"] == trajectory.key) & (frame["percent"] == percent)].to_dict(
                "records"
            )
            assert row["ua"] == store.need(key).measures["ua"]
            assert row["strategy"] == trajectory.tags["strategy"]


def test_a_trajectory_that_is_not_finished_is_completed_later_in_the_same_run(
    client, store, mirror_all, trajectories
):
    last = trajectories[0].rounds[-1][1]
    record_file = store.root / "ledger" / last[:2] / f"{last}.json"
    aside = record_file.rename(store.root / "aside.json")
    mirror_all(trajectories[:1])
    (run,) = nested(client)
    assert run.info.status == "RUNNING"
    assert len(points(client)[trajectories[0].key, "ua"]) == 2
    aside.rename(record_file)
    mirror_all(trajectories[:1])
    (completed,) = nested(client)
    assert completed.info.run_id == run.info.run_id
    assert completed.info.status == "FINISHED"
    assert len(points(client)[trajectories[0].key, "ua"]) == 3


def test_a_lengthened_schedule_supersedes_the_shorter_run(client, store, mirror_all, trajectories):
    short = replace(trajectories[0], key=trajectories[0].rounds[1][1], rounds=trajectories[0].rounds[:2])
    mirror_all([short])
    mirror_all([trajectories[0]])
    current = {run.data.tags["after_ray.key"]: run.data.tags["after_ray.current"] for run in nested(client)}
    assert current == {short.key: "false", trajectories[0].key: "true"}
    assert len(read_frame(default_tracking_uri(store), "sample")) == 3
    mirror_all([short])
    assert len(read_frame(default_tracking_uri(store), "sample")) == 2


def test_changed_settings_of_the_same_trajectory_make_a_new_run(client, mirror_all, trajectories):
    """MLflow never changes a parameter; the old run goes."""
    mirror_all(trajectories[:1])
    mirror_all([replace(trajectories[0], parameters={"classifier.c": 2.0})])
    (run,) = nested(client)
    assert run.data.params["classifier.c"] == "2.0"


def test_fractional_percents_become_steps_in_hundredths(client, store, mirror_all):
    (trajectory, *_) = sample_trajectories(store, 1, 1, (0.5, 2.0), utterances=5)
    mirror_all([trajectory])
    assert [step for step, _, _ in points(client)[trajectory.key, "ua"]] == [50, 200]
    (run,) = nested(client)
    assert run.data.tags["after_ray.step"] == "hundredths of a percent"
    assert "ua_at_0.5" in run.data.metrics


def test_the_ready_made_view_groups_by_what_the_study_varies(client, mirror_all, trajectories):
    other = replace(trajectories[0], tags={**trajectories[0].tags, "corpus": "other"})
    mirror_all([other, *trajectories[1:]])
    tags = client.get_experiment_by_name("after-ray/sample").tags
    view = json.loads(tags["mlflow.sharedViewState.curves"])
    assert [key["groupByData"] for key in view["groupBy"]["groupByKeys"]] == ["corpus", "strategy"]


def test_only_one_mirror_of_a_study_is_open_at_a_time(store):
    first = Mirror(default_tracking_uri(store), store)
    first.open_study(sample_study(0))
    with pytest.raises(MirrorBusy, match="'sample'"):
        Mirror(default_tracking_uri(store), store).open_study(sample_study(0))
    first.close_study()


def test_a_damaged_store_is_named(store, mirror_all, trajectories):
    record = store.need(trajectories[0].key)
    store.drop(record, "predictions.safetensors")
    with pytest.raises(DamagedStore, match=r"predictions\.safetensors"):
        mirror_all(trajectories[:1])


def test_more_items_than_one_request_takes_are_all_written(client, mirror_all, trajectories):
    parameters = {f"setting.{number}": number for number in range(250)}
    mirror_all([replace(trajectories[0], parameters=parameters)])
    (run,) = nested(client)
    assert (
        parameters.items()
        <= {n: int(v) for n, v in run.data.params.items() if n.startswith("setting")}.items()
    )
