"""What the tracker is told of a study, and `after-ray mirror`: all of it, or one sentence and code 1."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from after_ray.backbones.settings import BackboneSettings
from after_ray.store import MODEL_FILE, PREDICTIONS_FILE, Draft
from after_ray.store.artifacts import save_arrays
from analysis.families import AXES
from sweeps.cli import app
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.tracking import default_tracking_uri
from sweeps.tracking.mirrored import ROW_AXES
from sweeps.tracking.mirroring import (
    backbone_name,
    finished_trajectories,
    mirror_command,
    mirrored_rows,
    mirrored_study,
    mirrored_trajectory,
)

STUDY = """
study: told
corpus: {name: synthetic, speakers: 6, sentences: 5}
classifier: functionals
strategy: [random, entropy]
schedule: [10, 20, 40]
ratios: [10, 40]
fold: all
seed: 0..1
protocol: {preset: paper, folds: {count: 3}}
"""


@pytest.fixture
def opened(tmp_path: Path) -> OpenStudy:
    path = tmp_path / "told.yaml"
    path.write_text(STUDY)
    return open_study(path, tmp_path / "store", ["seed=0..1"])


def finish(opened: OpenStudy, trajectories: int) -> None:
    """Write made-up records of the first trajectories."""
    import numpy as np

    for trajectory in opened.plan.trajectories[:trajectories]:
        for stage in trajectory.stages:
            with opened.store.workspace(stage.key) as folder:
                for name in (PREDICTIONS_FILE, MODEL_FILE):
                    save_arrays(folder / name, {"x": np.zeros(3, np.float32)})
                measures = {"ua": 0.5 + trajectory.axes.fold / 10, "wa": 0.6, "macro_f1": 0.5}
                draft = Draft(stage.key, "round", {}, (), measures, {"total": 2.0}, started=1.0, finished=2.0)
                opened.store.commit(draft, folder)


def invoke(opened: OpenStudy, *arguments: object) -> tuple[int, str]:
    words = ["mirror", opened.path, "--store", opened.store.root, *arguments]
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.output


def test_a_row_is_what_the_report_calls_a_family(opened):
    assert ROW_AXES == AXES
    rows = mirrored_rows(opened)
    assert [row.tags["strategy"] for row in rows] == ["random", "entropy"]
    for row in rows:
        assert len(row.cells) == 2 * 3 * 2, "ratios that are reported x folds x seeds"
        assert {cell.percent for cell in row.cells} == {10, 40}
    assert {cell.key for row in rows for cell in row.cells} == {cell.key for cell in opened.plan.cells}


def test_every_run_names_all_axes_and_the_parent_names_them_in_the_plural(opened):
    axes = {*ROW_AXES, "backbone", "pretrained", "protocol"}
    assert mirrored_rows(opened)[0].tags.keys() == axes
    tags = mirrored_trajectory(opened, opened.plan.trajectories[0]).tags
    assert tags.keys() >= axes | {"fold", "seed", "adaptation_key", "conformity"}
    told = mirrored_study(opened).tags
    assert (told["strategies"], told["folds"], told["backbones"]) == ("random, entropy", "0, 1, 2", "none")
    assert not {*ROW_AXES, "fold", "seed"} & told.keys(), "a search for one value would find the parent"


def test_a_backbone_is_named_without_a_folder_of_this_machine():
    named = {
        "facebook/wav2vec2-base": "facebook/wav2vec2-base",
        "/data/weights/wav2vec2-base": "wav2vec2-base",
    }
    assert {name: backbone_name(BackboneSettings(name=name)) for name in named} == named
    assert backbone_name(BackboneSettings(config={"model_type": "hubert"})) == "hubert from a configuration"


def test_the_command_is_the_one_that_was_given_and_shows_no_password(opened):
    command = f"after-ray mirror {opened.path} --store {opened.store.root} --set seed=0..1"
    assert mirror_command(opened) == mirror_command(opened, default_tracking_uri(opened.store)) == command
    assert mirror_command(opened, "http://server:5000") == f"{command} --tracking-uri http://server:5000"
    assert "secret" not in mirror_command(opened, "postgresql://me:secret@server/mlflow")
    assert shlex.split(command)[2] == str(opened.path)


def test_trajectories_without_a_record_are_not_told(opened):
    finish(opened, 2)
    assert [one.key for one in finished_trajectories(opened)] == [
        one.key for one in opened.plan.trajectories if one.first.key in opened.store.ledger.finished()
    ]


def test_an_unreachable_server_is_one_sentence_that_says_what_to_type_and_exit_code_1(opened):
    finish(opened, 2)
    code, output = invoke(opened, "--tracking-uri", "http://127.0.0.1:9")
    assert code == 1
    (sentence,) = [line for line in output.splitlines() if line.startswith("error")]
    assert f"'after-ray mirror {opened.path} --store {opened.store.root} --tracking-uri http" in sentence


@pytest.mark.slow
def test_mirror_fills_in_what_is_finished_and_once_more_when_more_is(opened):
    finish(opened, 5)
    code, output = invoke(opened)
    assert code == 0, output
    there = len(finished_trajectories(opened))
    assert f"told: {there} trajectories are in MLflow, {there} of them sent just now" in output
    assert f"after-ray ui --store {opened.store.root}" in output
    assert "searchFilter=tags" in output
    assert f"{there} trajectories are in MLflow, 0 of them sent" in invoke(opened)[1]
    finish(opened, 12)
    assert "12 trajectories are in MLflow" in invoke(opened)[1]
    client = MlflowClient(default_tracking_uri(opened.store))
    experiment = client.get_experiment_by_name("after-ray/told").experiment_id
    rows = client.search_runs([experiment], "tags.`after_ray.kind` = 'summary' and tags.complete = 'true'")
    assert len(rows) == 2
    for run in rows:
        values = [run.data.metrics[name] for name in ("ua_at_40", "ua_at_40_sd", "ua_at_40_n")]
        assert values == pytest.approx([0.6, 0.1, 6])
    code, output = invoke(opened, "--rebuild")
    assert (code, "12 of them sent just now" in output) == (0, True)
