"""A store in a bucket: what a folder promises, though its files are copies on a node."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from obstore.store import MemoryStore

from after_ray.errors import DamagedStore
from after_ray.preemption import Notice, Preempted
from after_ray.store import MODEL_FILE, Draft, NodeCache, Store, digest
from after_ray.store.archive import export_results
from after_ray.store.artifacts import save_arrays
from after_ray.store.census import Census
from after_ray.store.garbage import find_garbage, remove_garbage
from after_ray.store.ledger import record_file
from after_ray.store.linked import link_result
from after_ray.store.merging import merge_store
from after_ray.store.places import Place
from after_ray.store.places.bucket import Bucket
from after_ray.store.unpacking import merge_archive
from after_ray.store.usage import ORPHANS, usage
from tests.after_ray.store.filled import filled, put

KEY = digest("round", 1, {"size": 8})
ARRAYS = {"weight": np.arange(6, dtype=np.float32)}


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    monkeypatch.setenv("AFTER_RAY_CACHE", str(tmp_path / "node"))
    return Bucket("s3://memory/stores/one", MemoryStore())


def draft() -> Draft:
    return Draft(KEY, "round", {"size": 8}, measures={"ua": 0.5})


def names(place: Place, folder: str = "") -> set[str]:
    return set(place.names(folder))


def test_a_committed_stage_is_found_with_its_arrays(bucket: Bucket) -> None:
    store = Store(bucket)
    with store.workspace(KEY) as folder:
        save_arrays(folder / "arrays.safetensors", ARRAYS)
        record = store.commit(draft(), folder)
    assert not folder.exists(), "the node keeps no second copy"
    again = Store(bucket)
    assert again.need(KEY) == record
    np.testing.assert_array_equal(again.arrays(record, "arrays.safetensors")["weight"], ARRAYS["weight"])
    assert again.path(record, "arrays.safetensors").is_file()
    assert names(bucket) == {record_file(KEY), f"{record.folder}/arrays.safetensors"}


def test_a_second_writers_files_are_removed_and_it_gets_the_first_record(bucket: Bucket) -> None:
    first, second = Store(bucket), Store(bucket)
    with second.workspace(KEY) as late:
        (late / "of_the_second").write_bytes(b"2")
        with first.workspace(KEY) as early:
            (early / "of_the_first").write_bytes(b"1")
            record = first.commit(draft(), early)
        assert second.commit(draft(), late) == record
    assert names(bucket, "artifacts") == {f"{record.folder}/of_the_first"}


def test_files_lie_in_the_bucket_before_the_record(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process killed between the two leaves an orphan, which is removed as garbage once it is old."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    store = Store(bucket)
    with monkeypatch.context() as patch:
        patch.setattr(store.ledger, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            put(store, "round", {"size": 8}, model_safetensors=b"w")
    assert len(names(bucket, "artifacts")) == 1
    assert store.ledger.finished() == set()
    assert find_garbage(store) == [], "it may be a stage that is being written just now"
    later = time.time() + 7200
    garbage = find_garbage(store, now=later)
    assert [piece.what for piece in garbage] == [ORPHANS]
    remove_garbage(store, garbage, now=later)
    assert names(bucket) == set()


def test_a_file_that_was_changed_in_the_bucket_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    store = Store(bucket)
    record = put(store, "round", {"size": 8}, model_safetensors=b"weights")
    bucket.write(f"{record.folder}/{MODEL_FILE}", b"changed")
    with pytest.raises(DamagedStore, match=r"s3://memory/stores/one/.*its digest differs"):
        store.path(record, MODEL_FILE)
    with pytest.raises(DamagedStore, match="its digest differs"):
        NodeCache(tmp_path / "cache").fetch(store, record, MODEL_FILE)
    store.drop(record, MODEL_FILE)
    with pytest.raises(DamagedStore, match="it is gone"):
        store.path(record, MODEL_FILE)


def test_copies_of_files_on_a_node_stay_under_the_limit(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from after_ray.store import artifacts, cache

    monkeypatch.setattr(artifacts, "COPIES_BYTES", 250)
    store = Store(bucket)
    records = [put(store, "round", {"size": n}, predictions_x=bytes([n]) * 100) for n in range(4)]
    now = time.time()
    for number, record in enumerate(records):
        monkeypatch.setattr(cache.time, "time", lambda later=now + 100 * (number + 1): later)
        assert store.path(record, "predictions.x").read_bytes() == bytes([number]) * 100
    copies = [path for path in (store.root / "copies").iterdir() if path.suffix == ".x"]
    assert len(copies) <= 2


def test_a_damaged_record_is_set_aside(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(bucket)
    bucket.write(record_file(KEY), b'{"half')
    with caplog.at_level(logging.WARNING):
        assert store.reclaim(KEY) is None
    assert "s3://memory/stores/one/ledger" in caplog.text
    assert all(".damaged-" in name for name in names(bucket, "ledger"))
    assert store.commit(draft()).key == KEY


def test_a_checkpoint_is_the_newest_whole_state(bucket: Bucket) -> None:
    for update in (1, 2, 3):
        Store(bucket).checkpoint(KEY, 1.0).save({"w": np.full(2, update)}, {"update": update})
    assert len(names(bucket, "checkpoints")) == 4, "two states and the two files that name them"
    checkpoint = Store(bucket).checkpoint(KEY, 1.0)
    state = checkpoint.load()
    assert state is not None
    assert (state.values["update"], state.arrays["w"].tolist()) == (3, [3, 3])
    checkpoint.clear()
    assert (checkpoint.load(), names(bucket)) == (None, set())


def test_a_kill_before_the_new_state_is_named_leaves_the_one_before(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = Store(bucket).checkpoint(KEY, 1.0)
    checkpoint.save({"w": np.ones(2)}, {"update": 1})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save({"w": np.zeros(2)}, {"update": 2})
    state = Store(bucket).checkpoint(KEY, 1.0).load()
    assert state is not None
    assert state.values["update"] == 1


def test_on_a_notice_the_state_is_in_the_bucket_before_the_work_is_left(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from after_ray.store import checkpoints

    notice = Notice()
    notice.give()
    monkeypatch.setattr(checkpoints, "NOTICE", notice)
    with pytest.raises(Preempted):
        Store(bucket).checkpoint(KEY, 1e9).save(ARRAYS, {"update": 7})
    state = Store(bucket).checkpoint(KEY, 1e9).load()
    assert state is not None
    assert state.values == {"update": 7}


def test_results_travel_between_a_bucket_and_a_folder(bucket: Bucket, tmp_path: Path) -> None:
    source, records = filled(bucket)
    folder, archive = Store(tmp_path / "folder"), Store(tmp_path / "archive")
    merge_store(folder, source)
    export_results(source, source.ledger.finished(), Census.of(source), tmp_path / "moved.tar")
    merge_archive(archive, tmp_path / "moved.tar")
    back = Store(Bucket("s3://memory/stores/two", MemoryStore()))
    merge_store(back, folder)
    for store in (folder, archive, back):
        assert {record.key for record in records[2:]} <= store.ledger.finished()
        for record in records[2:]:
            there = store.need(record.key)
            for name in (name for name in record.files if source.has(record, name)):
                assert store.path(there, name).read_bytes() == source.path(record, name).read_bytes()


def test_usage_counts_what_a_folder_would(bucket: Bucket, tmp_path: Path) -> None:
    there, here = filled(bucket)[0], filled(tmp_path / "folder")[0]
    of_bucket, of_folder = usage(there, Census.of(there)), usage(here, Census.of(here))
    assert {k: v.bytes for k, v in of_bucket.amounts.items() if k != "records"} == {
        k: v.bytes for k, v in of_folder.amounts.items() if k != "records"
    }


def test_a_linked_result_outlives_the_copy_on_the_node(bucket: Bucket, tmp_path: Path) -> None:
    source, records = filled(bucket)
    scratch = Store(tmp_path / "scratch")
    link_result(source, records[1], scratch)
    shutil.rmtree(source.root / "copies")  # evicted
    assert scratch.path(scratch.need(records[1].key), "features.npy").read_bytes() == b"frames" * 50


def test_a_kill_while_a_state_is_sent_leaves_the_one_before(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = Store(bucket).checkpoint(KEY, 0.0)
    checkpoint.save(ARRAYS, {"update": 1})

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save(ARRAYS, {"update": 2})
    state = Store(bucket).checkpoint(KEY, 0.0).load()
    assert state is not None
    assert state.values == {"update": 1}


def test_states_leave_nothing_on_the_node(bucket: Bucket) -> None:
    store = Store(bucket)
    checkpoint = store.checkpoint(KEY, 0.0)
    checkpoint.save(ARRAYS, {"update": 1})
    assert checkpoint.load() is not None
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_two_processes_of_one_node_read_one_state(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one fetches, reads and removes its copy while the first one has just fetched its own."""
    one, other = (Store(bucket).checkpoint(KEY, 0.0) for _ in range(2))
    one.save(ARRAYS, {"update": 1})
    fetch = Bucket.fetch

    def fetching(place: Bucket, name: str, path: Path) -> None:
        fetch(place, name, path)
        monkeypatch.setattr(Bucket, "fetch", fetch)
        assert other.load() is not None

    monkeypatch.setattr(Bucket, "fetch", fetching)
    assert one.load() is not None
