"""Records whose files are gone or cut are set aside where a study needs them, and nothing else is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from after_ray.store import Draft, Store
from after_ray.store.reading import Reading
from sweeps.planning.jobs import jobs_of
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.provenance.drift import drift
from sweeps.running.mending import mend_records
from tests.sweeps.small import small_study

FILES = {
    "round": ("model.safetensors", "predictions.safetensors"),
    "features": ("features.values.npy", "summary.safetensors"),
}


@pytest.fixture
def opened(tmp_path: Path) -> OpenStudy:
    """A study of which everything is done."""
    opened = small_study(tmp_path)
    stages = {**opened.plan.shared, **{s.key: s for t in opened.plan.trajectories for s in t.stages}}
    for stage in stages.values():
        parents = tuple(needed.key for needed in stage.needs())
        record(opened.store, stage.key, stage.kind, {"device": "cpu"}, parents)
    return opened


def record(
    store: Store, key: str, kind: str, environment: Mapping[str, Any], parents: tuple[str, ...] = ()
) -> None:
    with store.workspace(key) as folder:
        for name in FILES.get(kind, ("file",)):
            (folder / name).write_bytes(b"12345")
        draft = Draft(key=key, kind=kind, meaning={"a": 1}, environment=environment, parents=parents)
        store.commit(draft, folder)


def on_gpu(store: Store, key: str) -> None:
    """The same result, made on a GPU."""
    found = store.need(key)
    assert store.ledger.set_aside(found)
    record(store, key, found.kind, {"device": "cuda"}, found.parents)


def path(store: Store, key: str, name: str) -> Path:
    return store.path(store.need(key), name)


def gone(opened: OpenStudy) -> set[str]:
    """Keys without a record after mending."""
    before = opened.store.ledger.finished()
    mend_records([opened])
    return before - opened.store.ledger.finished()


def test_where_all_files_are_there_nothing_is_set_aside(
    opened: OpenStudy, caplog: pytest.LogCaptureFixture
) -> None:
    assert gone(opened) == set()
    assert caplog.text == ""


@pytest.mark.parametrize("cut", [False, True])
def test_a_round_without_its_predictions_is_computed_again_and_no_other(
    opened: OpenStudy, cut: bool, caplog: pytest.LogCaptureFixture
) -> None:
    lost = opened.plan.trajectories[0].stages[1].key
    file = path(opened.store, lost, "predictions.safetensors")
    file.write_bytes(b"123") if cut else file.unlink()
    with caplog.at_level(logging.WARNING):
        assert gone(opened) == {lost}
    (said,) = caplog.messages
    reason = "has 3 bytes instead of 5" if cut else "is gone"
    assert said == (
        f"Files of 1 result are not what the records say (the first: {file} {reason}); the records are set "
        "aside, and computed again."
    )
    (job,) = jobs_of([opened.plan], opened.store.ledger.finished()).values()
    assert job.gives == (lost,)
    assert len(list((opened.store.root / "ledger" / lost[:2]).glob("*.damaged-*"))) == 1


def test_weights_that_are_gone_were_dropped_and_weights_that_are_cut_are_not_sound(opened: OpenStudy) -> None:
    first, second = opened.plan.trajectories[0].stages[:2]
    path(opened.store, second.key, "model.safetensors").unlink()
    path(opened.store, first.key, "model.safetensors").write_bytes(b"1")
    assert gone(opened) == {first.key}


def test_what_a_finished_trajectory_stands_on_may_be_gone(opened: OpenStudy) -> None:
    features = opened.plan.trajectories[0].first.features.key
    path(opened.store, features, "features.values.npy").unlink()
    assert gone(opened) == set()


def test_what_an_unfinished_trajectory_stands_on_is_computed_again(opened: OpenStudy) -> None:
    trajectory = opened.plan.trajectories[1]
    features = trajectory.first.features.key
    path(opened.store, features, "summary.safetensors").unlink()
    path(opened.store, trajectory.key, "predictions.safetensors").unlink()
    assert gone(opened) == {features, trajectory.key}
    assert set(jobs_of([opened.plan], opened.store.ledger.finished())) == {features, trajectory.key}


def test_after_a_round_of_a_gpu_that_is_lost_the_rounds_that_follow_from_it_are_run_again(
    opened: OpenStudy, caplog: pytest.LogCaptureFixture
) -> None:
    _, second, third = (stage.key for stage in opened.plan.trajectories[0].stages)
    on_gpu(opened.store, second)
    path(opened.store, second, "predictions.safetensors").unlink()
    assert gone(opened) == {second, third}, "the other strategy's rounds do not follow from it"
    assert "set aside, and so is 1 round after them, and computed again" in caplog.text


def test_rounds_of_another_study_that_rest_on_a_lost_one_go_with_it(opened: OpenStudy) -> None:
    _, second, third = (stage.key for stage in opened.plan.trajectories[0].stages)
    elsewhere = open_study(opened.path, opened.store.root / "elsewhere", ["schedule=[10, 20]"])
    shorter = replace(elsewhere, store=opened.store)
    assert third not in shorter.plan.keys
    on_gpu(opened.store, second)
    path(opened.store, second, "predictions.safetensors").unlink()
    assert gone(shorter) == {second, third}


def test_a_record_that_another_launch_wrote_meanwhile_stays(opened: OpenStudy) -> None:
    key = opened.plan.trajectories[0].key
    judged = opened.store.need(key)
    assert opened.store.ledger.set_aside(judged)
    assert not opened.store.ledger.set_aside(judged), "another one did"
    record(opened.store, key, "round", {})
    assert not opened.store.ledger.set_aside(judged)
    assert opened.store.need(key).folder != judged.folder


def test_one_reading_serves_mending_and_drift(opened: OpenStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, read = Reading(opened.store.ledger), list[str]()
    find = opened.store.ledger.find
    monkeypatch.setattr(opened.store.ledger, "find", lambda key: read.append(key) or find(key))
    mend_records([opened], reading)
    assert sorted(read) == sorted(opened.store.ledger.finished())
    light = reading.find(opened.plan.trajectories[0].key)
    assert light is not None
    assert (light.meaning, len(light.files)) == ({}, 2), "what fills memory is not kept"
    drift([opened.plan], reading.environments, opened.store.ledger.finished())
    assert len(read) == len(opened.store.ledger.finished()), "nothing was read twice"


def test_what_is_finished_after_the_reading_is_found(opened: OpenStudy) -> None:
    reading = Reading(opened.store.ledger)
    key = "ab" * 16
    assert reading.find(key) is None
    assert reading.environments([key]) == {}
    record(opened.store, key, "round", {"threads": 3})
    assert reading.environments([key]) == {key: {"threads": 3}}
    assert reading.find(key) is not None
    reading.forget(key)
    assert opened.store.ledger.set_aside(opened.store.need(key))
    assert reading.find(key) is None


@pytest.mark.parametrize(
    "environment",
    [{}, {"files": {"a": 1}}, {"environment": {"b": 2}, "x": ', "files": {'}, {"threads": 1, "d": {"e": []}}],
)
def test_the_environment_alone_is_what_the_whole_record_says(
    tmp_path: Path, environment: dict[str, Any]
) -> None:
    store = Store(tmp_path)
    other = {"a": 1, "environment": {"of": "others"}, "files": {}}
    for number, (details, meaning) in enumerate([({}, {}), (other, {}), ({}, other), (other, other)]):
        key = f"{number:032x}"
        store.commit(Draft(key, "round", meaning, details=details, environment=environment))
        assert store.ledger.environment(key) == store.need(key).environment == environment
