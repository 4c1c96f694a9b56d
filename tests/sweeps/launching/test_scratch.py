"""What a launch needs while it runs lies where those see it who look for it, and is gone afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from after_ray.store import Store
from sweeps.launching.launch import run_trials
from sweeps.launching.ray_start import Where
from sweeps.launching.scratch import scratch_for
from tests.buckets import ADDRESS, buckets_in_memory
from trainables.halt import Halt

CLUSTER = Where("10.0.0.5:6379")


@pytest.fixture(params=["a folder", "a bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    buckets_in_memory(tmp_path / "node", monkeypatch)
    return Store("store" if request.param == "a folder" else f"{ADDRESS}/stores/one")


def test_trials_on_other_nodes_find_the_end_of_a_launch_in_the_store(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = scratch_for(store, CLUSTER)
    assert not scratch.tune.is_relative_to(tmp_path), "only the driver needs it"
    address = scratch.halt.address
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert not Halt(address).given
    scratch.halt.give()
    assert Halt(address).given
    monkeypatch.chdir(tmp_path)
    assert [name.rpartition("/")[2] for name in store.place.names("ray")] == ["halt"]
    scratch.remove()
    assert not list(store.place.names("ray"))
    assert not scratch.tune.exists()


def test_on_one_machine_nothing_of_it_is_in_the_store(store: Store) -> None:
    scratch = scratch_for(store, Where())
    scratch.halt.give()
    assert Halt(scratch.halt.address).given
    assert store.place.folders("") == []
    scratch.remove()
    assert not Halt(scratch.halt.address).given


def test_tune_saves_nothing_that_other_nodes_would_have_to_see(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray import tune

    class Tuner:
        def __init__(self, trainable: object, run_config: Any, **others: Any) -> None:
            given.append(run_config)

        def fit(self) -> None:
            """Nothing."""

    given: list[Any] = []
    monkeypatch.setattr(tune, "Tuner", Tuner)
    scratch = scratch_for(store, CLUSTER)
    run_trials(None, None, scratch)  # type: ignore[arg-type]
    scratch.remove()
    (config,) = given
    assert config.checkpoint_config.checkpoint_at_end is False, "by default it does, at the end of each trial"
    assert config.checkpoint_config.checkpoint_frequency == 0
    assert config.storage_path == str(scratch.tune)
