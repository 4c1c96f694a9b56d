"""Whole launches whose trials run other code, or follow a loss of files: told once, nothing wrong kept."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from after_ray import code_state
from after_ray.code_state import keep_code_state
from tests.faults.driver import Driver, Tracker
from tests.faults.small import Small, results


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small(tmp_path_factory.mktemp("small"))


def test_trials_with_other_code_than_the_driver_record_their_own(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = small.in_store(tmp_path / "store")
    driver = Driver(opened, tmp_path / "caches", Tracker(), monkeypatch)
    node = keep_code_state(opened.store)
    monkeypatch.setattr(code_state, "source_of", lambda stage: "of the node")
    monkeypatch.setattr(
        "sweeps.launching.launch.keep_code_state", lambda store: code_state.CodeState("c" * 40, "", {})
    )
    driver.run(launches=1)
    told = [sentence for sentence in driver.said if "runs other code" in sentence]
    assert len(told) == 1, "however many trials ran there"
    assert "than this launch (commit cccccccccccc" in told[0]
    made = [opened.store.need(key) for key in opened.store.ledger.finished()]
    by_trials = [one for one in made if one.kind in ("round", "adaptation", "features")]
    assert {one.environment["provenance"] for one in by_trials} == {node.digest}


def test_where_all_run_the_same_code_nothing_is_said_of_it(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Driver(small.in_store(tmp_path / "store"), tmp_path / "caches", Tracker(), monkeypatch)
    driver.run(launches=1)
    assert not any("runs other code" in sentence for sentence in driver.said)


def test_lost_files_are_made_again_to_the_same_bits_by_the_next_launch(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened = small.in_store(tmp_path / "store")
    driver = Driver(opened, tmp_path / "caches", Tracker(), monkeypatch)
    driver.run(launches=1)
    before, store = results(opened.store), opened.store
    first, middle, _ = opened.plan.trajectories[0].stages
    store.path(store.need(middle.key), "predictions.safetensors").unlink()
    for key in (small.adaptation, opened.plan.trajectories[0].first.audio.key):
        record = store.need(key)
        for name in record.files:
            store.path(record, name).unlink()
    driver.lose_the_node()
    with caplog.at_level(logging.WARNING):
        driver.run(launches=1)
    assert sum("Files of 3 results are not what the records say" in told for told in caplog.messages) == 1
    assert results(store) == before
    for key in (first.key, small.adaptation):
        assert all(store.has(store.need(key), name) for name in store.need(key).files)
