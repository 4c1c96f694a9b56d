"""The store: a record is the only sign of done, the first writer wins, nothing half-written is seen."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from after_ray.errors import DamagedStore
from after_ray.files import create_exclusive, write_atomic
from after_ray.store import Draft, NodeCache, Store, digest
from after_ray.store.artifacts import save_arrays

KEY = digest("round", 1, {"size": 8})


def draft(key: str = KEY, **fields: object) -> Draft:
    return Draft(key=key, kind="round", meaning={"size": 8}, **fields)  # type: ignore[arg-type]


def test_a_committed_stage_is_found_with_its_arrays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "scalar": np.array(3),
        "t": np.eye(3)[::-1].T,
    }
    with store.workspace(KEY) as folder:
        save_arrays(folder / "arrays.safetensors", arrays)
        store.commit(draft(measures={"ua": 0.5}, parents=("p",)), folder)
    record = Store(tmp_path).need(KEY)
    assert record.measures == {"ua": 0.5}
    assert record.parents == ("p",)
    read = store.arrays(record, "arrays.safetensors")
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].shape == array.shape
    assert store.ledger.finished() == {KEY}


def test_the_first_writer_wins_and_the_losers_files_are_discarded(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.workspace(KEY) as first, store.workspace(KEY) as second:
        save_arrays(first / "x.safetensors", {"x": np.zeros(1)})
        save_arrays(second / "x.safetensors", {"x": np.ones(1)})
        won = store.commit(draft(started=1.0), first)
        lost = store.commit(draft(started=2.0), second)
    assert lost == won
    assert store.arrays(lost, "x.safetensors")["x"] == 0
    assert len(list((tmp_path / "artifacts" / KEY[:2]).iterdir())) == 1


def test_a_workspace_that_is_left_by_an_error_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def write_half_and_fail() -> None:
        with store.workspace(KEY) as folder:
            (folder / "half").write_bytes(b"1")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_half_and_fail()
    assert store.find(KEY) is None
    assert list((tmp_path / "artifacts" / KEY[:2]).iterdir()) == []


def _race(root: str, number: int) -> bool:
    return create_exclusive(Path(root) / "one", str(number).encode())


def test_exactly_one_of_many_processes_creates_a_file(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(8) as pool:
        created = pool.starmap(_race, [(str(tmp_path), number) for number in range(40)])
    assert sum(created) == 1
    assert (tmp_path / "one").read_text() == str(created.index(True))
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_flipped_bits_and_cut_files_are_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.workspace(KEY) as folder:
        save_arrays(folder / "x.safetensors", {"x": np.zeros(4)})
        record = store.commit(draft(), folder)
    path = store.path(record, "x.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"\x01")
    with pytest.raises(DamagedStore, match="digest differs"):
        store.arrays(record, "x.safetensors")
    with pytest.raises(DamagedStore, match="digest differs"):
        NodeCache(tmp_path / "cache").fetch(store, record, "x.safetensors")
    path.write_bytes(whole[:-1])
    with pytest.raises(DamagedStore, match=f"{len(whole)}"):
        store.arrays(record, "x.safetensors")


def test_a_record_that_is_cut_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.commit(draft())
    path = tmp_path / "ledger" / KEY[:2] / f"{KEY}.json"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DamagedStore, match=str(path)):
        store.find(KEY)


def test_a_record_of_another_format_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.commit(draft())
    path = tmp_path / "ledger" / KEY[:2] / f"{KEY}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(DamagedStore, match="another version"):
        store.find(KEY)


def test_failures_count_attempts_and_a_record_ends_them(tmp_path: Path) -> None:
    ledger = Store(tmp_path).ledger
    ledger.fail(KEY, "first")
    ledger.fail(KEY, "second", "logs/x.log")
    failure = ledger.failures()[KEY]
    assert (failure.attempts, failure.sentence, failure.log) == (2, "second", "logs/x.log")
    Store(tmp_path).commit(draft())
    assert ledger.failures() == {}
    assert ledger.fail(KEY, "the process was lost", again=True) is None, "after its record stood"
    assert ledger.failures() == {}


def test_the_cache_copies_once_and_evicts_the_oldest(tmp_path: Path) -> None:
    import os

    store = Store(tmp_path / "store")
    records = []
    for number in range(3):
        key = digest("round", 1, {"size": number})
        with store.workspace(key) as folder:
            save_arrays(folder / "x.safetensors", {"x": np.full(1000, number)})
            records.append(store.commit(draft(key), folder))
    cache = NodeCache(tmp_path / "cache", limit_bytes=17_000)
    first = cache.fetch(store, records[0], "x.safetensors")
    store.drop(records[0], "x.safetensors")
    assert cache.fetch(store, records[0], "x.safetensors") == first, "the copy needs no original any more"
    os.utime(first, (1, 1))
    second = cache.fetch(store, records[1], "x.safetensors")
    third = cache.fetch(store, records[2], "x.safetensors")
    assert not first.exists()
    assert second.exists()
    assert third.exists()


def test_an_interrupted_replacement_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("after_ray.files.os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
