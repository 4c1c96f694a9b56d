"""Records and states that a failing disk left: set aside or passed over, and never a sound one lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from after_ray.errors import DamagedRecord, DamagedStore
from after_ray.preemption import NOTICE, Preempted
from after_ray.store import Checkpoint, Draft, NodeCache, Store
from after_ray.store import checkpoints as module

KEY = "ab" * 16


def recorded(root: Path) -> Path:
    store = Store(root)
    with store.workspace(KEY) as folder:
        (folder / "x").write_bytes(b"12345")
        store.commit(Draft(key=KEY, kind="round", meaning={}), folder)
    return root / "ledger" / KEY[:2] / f"{KEY}.json"


@pytest.mark.parametrize("content", [b"", b'{"format": 1, "key"', b"\x00" * 40, b"[1]", b'{"format": 1}'])
def test_a_damaged_record_is_set_aside_by_who_makes_its_stage_alone(tmp_path: Path, content: bytes) -> None:
    path = recorded(tmp_path)
    path.write_bytes(content)
    store = Store(tmp_path)
    with pytest.raises(DamagedRecord, match="sets it aside"):
        store.find(KEY)
    assert path.exists(), "a reader changes nothing"
    assert store.reclaim(KEY) is None
    (aside,) = path.parent.glob("*.damaged-*")
    assert aside.read_bytes() == content
    assert store.ledger.finished() == set()


def test_a_record_of_a_newer_version_is_refused_and_stays(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(DamagedStore, match="another version"):
        Store(tmp_path).reclaim(KEY)
    assert path.exists()


def test_a_sound_record_that_was_written_meanwhile_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recorded(tmp_path)
    sound = path.read_bytes()
    path.write_bytes(sound[:50])
    replace = os.replace

    def repaired_just_now(source: Path, target: Path) -> None:
        Path(source).write_bytes(sound)
        replace(source, target)

    monkeypatch.setattr(os, "replace", repaired_just_now)
    record = Store(tmp_path).reclaim(KEY)
    assert record is not None
    assert record.key == KEY
    assert path.read_bytes() == sound
    assert list(path.parent.glob("*.damaged-*")) == []


@pytest.mark.parametrize("damage", ["cut arrays", "flipped arrays", "cut state", "flipped number"])
def test_a_damaged_newest_state_gives_the_one_before(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint = Checkpoint(tmp_path)
    for update in (1, 2, 3):
        checkpoint.save({"weight": np.full(2, update)}, {"update": update})
    state = tmp_path / module.STATE_FILE
    arrays = tmp_path / json.loads(state.read_text())["arrays"]
    path = arrays if damage.endswith("arrays") else state
    data = path.read_bytes()
    if damage == "flipped number":
        path.write_bytes(data.replace(b'"update": 3', b'"update": 7'))
    elif damage == "flipped arrays":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    else:
        path.write_bytes(data[:-5])
    found = checkpoint.load()
    assert found is not None
    assert (found.values["update"], found.arrays["weight"].tolist()) == (2, [2, 2])
    assert "the state before it is used" in caplog.text


def test_half_a_state_keeps_no_room_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(arrays: object, path: Path) -> None:
        path.write_bytes(b"begun")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(Exception, match="No space left"):
        Checkpoint(tmp_path / "c").save({"weight": np.zeros(2)}, {})
    assert list((tmp_path / "c").iterdir()) == []


def test_a_store_where_no_folder_can_be_made_is_no_sign_that_others_recorded_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*arguments: object, **named: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(Exception, match="Read-only file system"):
        Checkpoint(tmp_path / "c").save({"weight": np.zeros(2)}, {})


def test_with_notice_a_state_is_due_at_once_and_the_work_is_left_when_it_is_written(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, every=3600)
    assert not checkpoint.due
    NOTICE.give()
    try:
        assert checkpoint.due
        with pytest.raises(Preempted):
            checkpoint.save({"weight": np.ones(2)}, {"update": 1})
        assert not Checkpoint(None).due, "what keeps no state goes on"
    finally:
        NOTICE.withdraw()
    found = checkpoint.load()
    assert found is not None
    assert found.values == {"update": 1}


def test_a_note_that_the_store_refuses_raises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refused)
    failure = Store(tmp_path).ledger.fail(KEY, "why", cause="OSError", attempts=2, again=True)
    assert failure is not None
    assert (failure.attempts, failure.cause, failure.again) == (2, "OSError", True)
    assert Store(tmp_path).ledger.failures() == {}


def test_a_note_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    (tmp_path / "failures").mkdir()
    note = {"key": KEY, "sentence": "why", "log": "", "attempts": 2}
    (tmp_path / "failures" / f"{KEY}.json").write_text(json.dumps(note))
    failure = Store(tmp_path).ledger.fail(KEY, "again", cause="OSError")
    assert failure is not None
    assert (failure.attempts, failure.quarantined) == (3, True)


def test_what_killed_copies_left_in_a_cache_is_removed(tmp_path: Path) -> None:
    recorded(tmp_path / "store")
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "0123.tmp").write_bytes(b"half")
    store = Store(tmp_path / "store")
    NodeCache(cache).fetch(store, store.need(KEY), "x")
    assert list(cache.glob("*.tmp")) == []
