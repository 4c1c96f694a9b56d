"""Results read back from MLflow are those of the store, over every column, whatever happened to the runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from after_ray.errors import AfterRayError
from after_ray.store import Record, Store
from analysis.results import Predictions, Results, from_store
from sweeps.commands.mirror import mirror_study
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.planning.trajectories import Axes
from sweeps.reporting.report import cells_frame, open_results, read_results
from sweeps.tracking import default_tracking_uri, from_mlflow
from sweeps.tracking._artifacts import Artifacts
from sweeps.tracking._content import FORMAT, FinishedRound, cells_of, content_digest, run_name
from sweeps.tracking._summary import row_key
from sweeps.tracking.errors import MirrorBehind, MissingArtifact, TrackerUnreachable
from sweeps.tracking.made_up import write_made_up
from sweeps.tracking.mirrored import BEFORE, MirroredRow
from sweeps.tracking.mirroring import mirrored_trajectory
from tests.sweeps.small import small_study
from tests.sweeps.tracking.looking import all_runs
from tests.sweeps.tracking.server import Server

# What `cells.json` holds of a round. A change of it needs a new `FORMAT` in `_content.py`, since the frame is
# read from there: runs of before would give another frame than the store.
HELD = (
    3,
    "charged_seconds classes collapsed commit conformity confusion device device_name driver finished host "
    "key labelled_by packages percent predictions provenance python recall reported resumed shared_by source "
    "spent_seconds started stopped test_by test_speakers threads torch_build train_by train_seconds ua_by "
    "ua_by_corpus warnings",
)
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs, made once: that takes seconds."""
    root = tmp_path_factory.mktemp("database")
    MlflowClient(default_tracking_uri(Store(root))).search_experiments(max_results=1)
    return root / "mlflow.db"


def odd(axes: Axes, percent: float) -> dict[str, Any]:
    """Details that some records have and others lack, or say nothing in."""
    if axes.strategy == "random" and axes.seed == 1:
        return {"stopped": "by hand", "resumed": percent > 10, "warnings": ["too few updates"]}
    return {"ua_by_corpus": None, "recall": [0.5, None, 0.25, 1.0]} if percent > 10 else {}


def unfinished(axes: Axes, percent: float) -> bool:
    return not (axes.strategy == "entropy" and axes.seed == 1 and percent > 20)


@pytest.fixture
def study(tmp_path: Path, database: Path) -> OpenStudy:
    """A study of which some cells are missing, not mirrored yet."""
    opened = small_study(tmp_path, "seed=0..1")
    write_made_up(opened, unfinished, odd)
    shutil.copy(database, opened.store.root / "mlflow.db")
    return opened


@pytest.fixture
def mirrored(study: OpenStudy) -> OpenStudy:
    mirror_study(study, None, rebuild=False)
    return study


def stored(opened: OpenStudy) -> Results:
    return from_store(cells_frame(opened.plan), opened.store)


def tracked(opened: OpenStudy, uri: str = "") -> Results:
    return read_results(opened, "mlflow", uri or None)


def assert_same(one: Results, other: Results) -> None:
    pd.testing.assert_frame_equal(one.frame, other.frame)
    pd.testing.assert_frame_equal(one.missing, other.missing)
    for column in one.frame:  # None is not NaN, which the comparison above takes for the same
        assert [*map(type, one.frame[column])] == [*map(type, other.frame[column])], column


def runs_of(opened: OpenStudy, study: str = "small") -> tuple[MlflowClient, list[Any]]:
    client = MlflowClient(default_tracking_uri(opened.store))
    runs = all_runs(client, study=study)
    return client, [run for run in runs if run.data.tags["after_ray.kind"] == "trajectory"]


def folder_of(run: Any) -> Path:
    return Path(urlsplit(run.info.artifact_uri).path)


def test_the_frame_from_mlflow_is_that_of_the_store(mirrored: OpenStudy) -> None:
    missing = next(c for c in mirrored.plan.cells if mirrored.store.find(c.key) is None)
    mirrored.store.ledger.fail(missing.trial, "It ran out of memory.")
    assert_same(stored(mirrored), tracked(mirrored))
    results = tracked(mirrored)
    assert (len(results.frame), len(results.missing)) == (11, 1)
    assert results.missing["failure"].tolist() == ["It ran out of memory."]
    assert results.note == ""


def test_another_content_of_runs_has_another_format() -> None:
    found = FinishedRound(20, 20, True, Record("k", "round", {}))
    (cell,) = cells_of([found], lambda key: 1.0)
    assert (FORMAT, " ".join(sorted(cell))) == HELD


def test_unknown_charged_time_is_unknown_in_both(study: OpenStudy) -> None:
    key = next(key for key, stage in study.plan.shared.items() if stage.kind == "features")
    (study.store.root / "ledger" / key[:2] / f"{key}.json").unlink()
    mirror_study(study, None, rebuild=False)
    assert_same(stored(study), tracked(study))
    assert tracked(study).frame["charged_seconds"].isna().all()


def test_a_study_that_has_not_begun_is_all_missing(tmp_path: Path, database: Path) -> None:
    opened = small_study(tmp_path)
    opened.store.root.mkdir(exist_ok=True)
    shutil.copy(database, opened.store.root / "mlflow.db")
    results = tracked(opened)
    assert results.frame.empty
    assert_same(stored(opened), results)


def test_cells_of_a_lengthened_schedule_are_found_before_and_after_it_is_mirrored(
    mirrored: OpenStudy, tmp_path: Path
) -> None:
    longer = small_study(tmp_path, "seed=0..1", schedule=[10, 20, 40, 60])
    assert_same(stored(longer), tracked(longer))
    write_made_up(longer, lambda axes, percent: axes.seed == 0)
    with pytest.raises(MirrorBehind, match="lacks 2 finished cells"):
        tracked(longer)
    mirror_study(longer, None, rebuild=False)
    _, runs = runs_of(longer)
    assert {run.data.tags["after_ray.current"] for run in runs} == {"true", "false"}
    assert_same(stored(longer), tracked(longer))
    shorter = small_study(tmp_path, "seed=0..1", schedule=[10, 20])
    assert_same(stored(shorter), tracked(shorter))


def test_a_part_of_a_study_is_read_from_the_runs_of_the_whole(mirrored: OpenStudy, tmp_path: Path) -> None:
    part = small_study(tmp_path, "seed=1", "ratios=[20]")
    assert_same(stored(part), tracked(part))
    assert len(tracked(part).frame) == 2


def test_runs_of_an_older_version_are_named_until_they_are_mirrored_again(mirrored: OpenStudy) -> None:
    client, runs = runs_of(mirrored)
    for run in runs[:2]:
        client.set_tag(run.info.run_id, "after_ray.mirrored", "digest of then")
    client.delete_tag(runs[0].info.run_id, "after_ray.format")
    client.set_tag(runs[1].info.run_id, "after_ray.format", str(FORMAT - 1))
    with pytest.raises(MirrorBehind, match=r"\(2 runs of another version of after-ray\).*after-ray mirror"):
        tracked(mirrored)
    mirror_study(mirrored, None, rebuild=False)
    assert_same(stored(mirrored), tracked(mirrored))


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text('[\n{"percent": 10')])
def test_a_run_whose_cells_are_gone_asks_for_a_rebuild(mirrored: OpenStudy, damage: Any) -> None:
    _, runs = runs_of(mirrored)
    damage(folder_of(runs[0]) / "cells.json")
    with pytest.raises(MirrorBehind, match=r"1 run without a cells.json that can be read\): .* --rebuild'"):
        tracked(mirrored)
    mirror_study(mirrored, None, rebuild=True)
    assert_same(stored(mirrored), tracked(mirrored))


def test_a_run_that_is_not_written_yet_is_no_run_of_an_older_version(mirrored: OpenStudy) -> None:
    client, runs = runs_of(mirrored)
    run = next(run for run in runs if run.data.tags["seed"] == "0")
    for tag in ("after_ray.mirrored", "after_ray.format"):
        client.delete_tag(run.info.run_id, tag)
    with pytest.raises(MirrorBehind, match=r"lacks 2 finished cells: 'after-ray mirror"):
        tracked(mirrored)  # its round 0 is in the run of the other strategy too


def test_predictions_are_read_and_checked(mirrored: OpenStudy) -> None:
    results, of_store = tracked(mirrored), stored(mirrored)
    key = results.frame["key"].iloc[-1]
    for part in ("test", "validation"):
        one, other = results.predictions(key, part), of_store.predictions(key, part)
        for name in ("rows", "log_probabilities", "truth"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    _, runs = runs_of(mirrored)
    (run,) = [run for run in runs if run.data.tags["after_ray.key"] == results.frame["trial"].iloc[-1]]
    (file,) = (folder_of(run) / "predictions").glob(f"percent_{results.frame['percent'].iloc[-1]:g}.*")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(MissingArtifact, match=r"its digest differs .* --rebuild' sends it again"):
        results.predictions(key)
    file.unlink()
    with pytest.raises(MissingArtifact, match="it is gone"):
        results.predictions(key)
    with pytest.raises(MissingArtifact, match="MLflow has no such cell"):
        results.predictions("f" * 32)


def accuracy(said: Predictions) -> float:
    return float((said.log_probabilities.argmax(axis=1) == said.truth).mean())


def test_a_metric_is_recomputed_from_either(mirrored: OpenStudy) -> None:
    results = tracked(mirrored)
    found = results.recomputed(accuracy)
    pd.testing.assert_series_equal(found, stored(mirrored).recomputed(accuracy))
    np.testing.assert_allclose(found, results.frame["wa"])
    of_validation = results.recomputed(accuracy, "validation")
    np.testing.assert_allclose(of_validation, results.frame["validation_wa"])


def test_what_mlflow_lacks_is_said_once_and_read_from_the_store(study: OpenStudy) -> None:
    write_made_up(study, unfinished)
    said: list[str] = []
    results = read_results(study, say=said.append)
    assert results.note == "MLflow lacks 11 finished cells; what is reported now is read from the store."
    (sentence,) = said
    assert sentence.startswith("MLflow at sqlite:////")
    assert f"lacks 11 finished cells: 'after-ray mirror {study.path} --store" in sentence
    assert sentence.endswith("fills it in from the store; what is reported now is read from the store.")
    assert_same(stored(study), results)
    assert read_results(study, "store", say=said.append).note == ""
    mirror_study(study, None, rebuild=False)
    assert read_results(study, say=said.append).note == ""
    assert len(said) == 1


def test_a_tracker_that_is_away_is_said_with_what_it_lacks(mirrored: OpenStudy) -> None:
    said: list[str] = []
    results = read_results(mirrored, None, NOWHERE, said.append)
    assert f"MLflow at {NOWHERE} lacks 11 finished cells (it cannot be reached: " in said[0]
    assert f"--tracking-uri {NOWHERE}'" in said[0]
    assert results.note.startswith("MLflow lacks 11 finished cells; ")
    with pytest.raises(MirrorBehind, match="cannot be reached"):
        tracked(mirrored, NOWHERE)


def test_a_store_without_results_reads_all_of_them_from_mlflow(mirrored: OpenStudy, tmp_path: Path) -> None:
    uri = default_tracking_uri(mirrored.store)
    theirs = open_results(mirrored.path, tmp_path / "empty", None, uri, ["seed=0..1"])
    assert_same(stored(mirrored), theirs)
    assert accuracy(theirs.predictions(theirs.frame["key"][0])) == theirs.frame["wa"][0]
    with pytest.raises(TrackerUnreachable):
        open_results(mirrored.path, tmp_path / "empty", None, NOWHERE, ["seed=0..1"])
    assert open_results(mirrored.path, tmp_path / "empty", overrides=["seed=0..1"]).frame.empty


def test_a_store_without_results_is_not_taken_instead_of_old_runs(
    mirrored: OpenStudy, tmp_path: Path
) -> None:
    client, runs = runs_of(mirrored)
    client.delete_tag(runs[0].info.run_id, "after_ray.format")
    uri = default_tracking_uri(mirrored.store)
    with pytest.raises(
        MirrorBehind, match=r"up to 2 cells \(1 run of another version .*'after-ray mirror STUDY.yaml'"
    ):
        open_results(mirrored.path, tmp_path / "empty", None, uri, ["seed=0..1"])


def test_an_answer_that_cannot_be_understood_is_one_sentence(
    mirrored: OpenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **named: Any) -> None:
        raise RuntimeError("500 Server Error. Try again")

    monkeypatch.setattr(MlflowClient, "search_runs", fail)
    with pytest.raises(AfterRayError, match=r"it cannot be reached: 500 Server Error\)"):
        tracked(mirrored)


def test_files_in_a_place_of_another_kind_are_read_by_mlflow_itself(tmp_path: Path) -> None:
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "a").write_bytes(b"told")
    (tmp_path / "cells.json").write_bytes(b"[]")
    elsewhere = Artifacts(NOWHERE)._read_elsewhere
    assert elsewhere(tmp_path.as_uri(), "predictions/a") == b"told"
    assert elsewhere(tmp_path.as_uri(), "cells.json") == b"[]"
    assert elsewhere(tmp_path.as_uri(), "predictions/b") is None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("server"))
    try:
        one.start()
        yield one
    finally:
        one.kill()


@pytest.mark.services
def test_a_server_gives_the_same_frame_and_predictions(study: OpenStudy, server: Server) -> None:
    mirror_study(study, server.uri, rebuild=False)
    results = tracked(study, server.uri)
    assert_same(stored(study), results)
    np.testing.assert_allclose(results.recomputed(accuracy), results.frame["wa"])
    runs = all_runs(MlflowClient(server.uri), study="small")
    for run in runs:
        if run.data.tags["after_ray.kind"] == "trajectory":
            for file in server.files.glob(f"*/{run.info.run_id}/artifacts/cells.json"):
                file.unlink()
    with pytest.raises(MirrorBehind, match=r"lacks 11 finished cells \(4 runs without a cells.json"):
        tracked(study, server.uri)
    mirror_study(study, server.uri, rebuild=True)
    assert_same(stored(study), tracked(study, server.uri))


@pytest.mark.services
def test_a_server_that_dies_while_it_is_read_is_said(
    study: OpenStudy, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror_study(study, server.uri, rebuild=False)
    real = MlflowClient.search_runs

    def search_and_die(*arguments: Any, **named: Any) -> Any:
        found = real(*arguments, **named)
        server.kill()
        return found

    monkeypatch.setattr(MlflowClient, "search_runs", search_and_die)
    cells = cells_frame(study.plan)
    with pytest.raises(MirrorBehind, match="cannot be reached"):
        from_mlflow(cells, server.uri, "small", study.store)


def files_below(folder: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_copied_store_reads_and_writes_its_own_files_only(mirrored: OpenStudy, tmp_path: Path) -> None:
    """Runs name their folders from the root on: a copy once read from, and wrote into, where it came from."""
    before = files_below(mirrored.store.root)
    place = tmp_path / "copy"
    shutil.copytree(mirrored.store.root, place)
    copied = open_study(mirrored.path, place, mirrored.overrides)
    said: list[str] = []
    results = read_results(copied, say=said.append)
    assert "cannot be used: it was copied or moved with its store" in said[0]
    assert_same(stored(mirrored), results)
    mirror_study(copied, None, rebuild=False)
    assert files_below(mirrored.store.root).keys() == before.keys()
    assert (place / "mlflow.db.damaged-1").is_file()
    _, runs = runs_of(copied)
    assert runs
    assert all(folder_of(run).is_relative_to(place) for run in runs)
    assert_same(stored(mirrored), tracked(copied))


def test_a_model_that_says_one_class_for_everything_is_tagged(tmp_path: Path, database: Path) -> None:
    opened = small_study(tmp_path)
    at_risk = opened.study.schedule[1:]
    write_made_up(opened, details=lambda axes, p: {"collapsed": axes.strategy == "entropy" and p in at_risk})
    shutil.copy(database, opened.store.root / "mlflow.db")
    mirror_study(opened, None, rebuild=False)
    client, runs = runs_of(opened)
    tags = {run.data.tags["strategy"]: run.data.tags.get("collapsed") for run in runs}
    assert tags == {"random": None, "entropy": ", ".join(f"{percent:g}" for percent in at_risk)}
    found = client.search_runs([runs[0].info.experiment_id], "tags.collapsed != ''")
    assert {run.data.tags["strategy"] for run in found} == {"entropy"}


def test_runs_from_before_annotations_are_runs_of_the_corpus_own_labels(mirrored: OpenStudy) -> None:
    """A longer schedule has other keys, so that rounds are found by the places of their runs."""
    client, runs = runs_of(mirrored)
    for run in runs:
        for axis in BEFORE:
            client.delete_tag(run.info.run_id, axis)
    longer = open_study(mirrored.path, mirrored.store.root, ["seed=0..1", "schedule=[10, 20, 40, 60]"])
    found = tracked(longer)
    assert len(found.frame) == len(tracked(mirrored).frame) == 11
    assert set(found.frame["annotation"]) == {"corpus"}
    assert set(found.frame["label_noise"]) == {"0"}
    assert_same(stored(longer), found)


def test_such_runs_are_not_written_again_and_their_rows_keep_their_names(mirrored: OpenStudy) -> None:
    _, runs = runs_of(mirrored)
    assert {run.data.tags["annotation"] for run in runs} == {"corpus"}
    trajectory = mirrored_trajectory(mirrored, mirrored.plan.trajectories[0])
    before = replace(trajectory, tags={k: v for k, v in trajectory.tags.items() if k not in BEFORE})
    assert content_digest(trajectory, 1) == content_digest(before, 1)
    noisy = replace(trajectory, tags={**trajectory.tags, "label_noise": "0.1"})
    assert content_digest(noisy, 1) != content_digest(before, 1)
    assert run_name(noisy.tags) == f"{run_name(before.tags)} label_noise 0.1"
    tags = {
        "corpus": "c",
        "method": "m",
        "adaptation": "a",
        "strategy": "s",
        "initialization": "i",
        "restart": "r",
    }
    assert row_key(MirroredRow(tags, ())) == "c / m / a / s / i / r"
    assert (
        row_key(MirroredRow({**tags, "annotation": "corpus", "label_noise": "0"}, ()))
        == "c / m / a / s / i / r"
    )
    assert row_key(MirroredRow({**tags, "label_noise": "0.1"}, ())) == "c / m / a / s / i / r / 0.1"
