"""A checkpoint is the newest whole state, or nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError

from after_ray.errors import UnwritableCheckpoint
from after_ray.store import Checkpoint
from after_ray.store import checkpoints as module
from after_ray.store.places import Folder

ARRAYS = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3), "rng": np.arange(9, dtype=np.uint8)}


def test_what_is_saved_is_loaded_by_another_object(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "c").save(ARRAYS, {"update": 7, "generator": {"state": 2**100}})
    state = Checkpoint(tmp_path / "c").load()
    assert state is not None
    assert state.values == {"update": 7, "generator": {"state": 2**100}}
    for name, value in ARRAYS.items():
        assert state.arrays[name].dtype == value.dtype
        assert np.array_equal(state.arrays[name], value)


def test_of_all_states_the_two_newest_are_kept(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    for update in (1, 2, 3):
        checkpoint.save({"weight": np.full(2, update)}, {"update": update})
    state = checkpoint.load()
    assert state is not None
    assert (state.values["update"], state.arrays["weight"].tolist()) == (3, [3, 3])
    assert len(list(tmp_path.glob("*.safetensors"))) == 2


def test_nothing_is_there_before_the_first_state_and_after_clearing(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "c")
    assert checkpoint.load() is None
    checkpoint.save(ARRAYS, {})
    assert checkpoint.load() is not None
    checkpoint.clear()
    assert checkpoint.load() is None
    assert not (tmp_path / "c").exists()


def test_a_kill_between_the_two_writes_leaves_the_state_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save({"weight": np.zeros(2)}, {"update": 1})

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Folder, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save({"weight": np.ones(2)}, {"update": 2})
    state = Checkpoint(tmp_path).load()
    assert state is not None
    assert state.values["update"] == 1


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "no json", "other json"])
def test_a_damaged_state_is_passed_over(tmp_path: Path, damage: str) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(ARRAYS, {})
    arrays, state = next(tmp_path.glob("*.safetensors")), tmp_path / module.STATE_FILE
    data = bytearray(arrays.read_bytes())
    if damage == "cut":
        arrays.write_bytes(data[:-5])
    elif damage == "flipped":
        data[-3] ^= 1
        arrays.write_bytes(data)
    elif damage == "gone":
        arrays.unlink()
    else:
        state.write_text("{" if damage == "no json" else "[1]")
    assert checkpoint.load() is None
    checkpoint.save(ARRAYS, {"update": 2})
    assert checkpoint.load() is not None


def test_a_state_is_due_only_after_the_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    checkpoint = Checkpoint(tmp_path, every=2)
    assert not checkpoint.due
    now[0] = 102.0
    assert checkpoint.due
    checkpoint.save(ARRAYS, {})
    assert not checkpoint.due
    now[0] = 104.5
    assert checkpoint.due
    assert not Checkpoint(None, every=0).due


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint = Checkpoint()
    checkpoint.save(ARRAYS, {})
    checkpoint.clear()
    assert checkpoint.carrying(ARRAYS, {}).load() is None
    assert list(tmp_path.iterdir()) == []


def test_what_earlier_parts_of_the_work_decided_is_in_every_later_state(tmp_path: Path) -> None:
    whole = Checkpoint(tmp_path)
    part = whole.carrying({"acquired": np.arange(3)}, {"seconds": 2.0}).carrying({}, {"resumed": 1})
    for update in (1, 2):
        part.save({"weight": np.full(2, update)}, {"update": update})
    state = whole.load()
    assert state is not None
    assert state.values == {"seconds": 2.0, "resumed": 1, "update": 2}
    assert sorted(state.arrays) == ["acquired", "weight"]


@pytest.mark.parametrize("moment", ["secrets.token_hex", "sha256_of"])
def test_work_that_another_process_recorded_meanwhile_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    checkpoint = Checkpoint(tmp_path / "c")
    owner, name = (module.secrets, "token_hex") if "." in moment else (module, moment)
    original = getattr(owner, name)

    def cleared_just_now(*arguments: object) -> object:
        Checkpoint(tmp_path / "c").clear()
        return original(*arguments)

    monkeypatch.setattr(owner, name, cleared_just_now)
    checkpoint.save(ARRAYS, {"update": 1})
    assert checkpoint.load() is None


def test_a_full_disk_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise SafetensorError("No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(UnwritableCheckpoint, match=r"No space left on device.*Free room there"):
        Checkpoint(tmp_path / "c").save(ARRAYS, {})
