"""Cleaning a store removes what nobody will miss, and nothing that a running study is at."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from after_ray.store import Record, Store
from after_ray.store import garbage as cleaning
from after_ray.store.garbage import find_garbage, remove_garbage
from after_ray.store.ledger import Ledger
from after_ray.store.places.bucket import Bucket
from after_ray.store.usage import ORPHANS
from tests.after_ray.store.filled import HOURS, LEFT_OVER, age, everything, filled, leave, put
from tests.buckets import Asked

DAY = 24.0
OTHER = "e" * 32  # a key without a record


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(tmp_path)[0]


def test_a_store_in_which_nothing_was_killed_has_no_garbage(store: Store) -> None:
    age(store.root, 60 * DAY)
    assert find_garbage(store) == []


# What lies where (`KEY`: one that has a record), a file in it, what it is, the hours after which it may go.
LEFT = [
    (f"artifacts/ee/{OTHER}-00ff", "half.npy", ORPHANS, 1),
    ("artifacts/KE/KEY-00ff", "of_the_second_writer", ORPHANS, 1),
    (f"ledger/ee/.{OTHER}.json.001122334455.tmp", "", cleaning.LEFT_FILES, 1),
    (".probe-00112233", "", cleaning.LEFT_FILES, 1),
    ("cache/0123.tmp", "", cleaning.LEFT_FILES, 1),
    ("ledger/ee/" + OTHER + ".json.damaged-00ff", "", cleaning.SET_ASIDE, 1),
    ("checkpoints/KEY", "state.json", cleaning.RECORDED, 1),
    (f"checkpoints/{OTHER}", "state.json", cleaning.ABANDONED, 30 * DAY),
    ("ray/after-ray-x", "trials/state", cleaning.SCRATCH, DAY),
    ("launches/00ff.json", "", cleaning.KILLED, 1),
    (f"claims/{OTHER}.json", "", cleaning.KILLED, 1),
    ("searches/x/running.json.00112233aabbccdd", "", cleaning.LEFT_FILES, 1),
]


@pytest.mark.parametrize(("place", "inside", "what", "hours"), LEFT, ids=[row[0] for row in LEFT])
def test_what_was_left_goes_when_it_is_old_enough_and_not_before(
    store: Store, place: str, inside: str, what: str, hours: float
) -> None:
    before = everything(store.root)
    key = min(store.ledger.finished())
    left = leave(store.root / place.replace("KEY", key).replace("KE", key[:2]), 0.9 * hours, inside)
    assert find_garbage(store) == [], "it may be in use"
    age(left, 1.1 * hours)
    garbage = find_garbage(store)
    found = [(piece.what, store.root / piece.name, piece.bytes) for piece in garbage]
    assert found == [(what, left, len(LEFT_OVER))]
    assert everything(store.root) != before, "looking removes nothing"
    assert remove_garbage(store, garbage) == garbage
    assert everything(store.root) == before
    assert find_garbage(store) == []


def test_days_say_when_an_unfinished_stage_counts_as_abandoned(store: Store) -> None:
    leave(store.root / "checkpoints" / OTHER, 3 * DAY, "state.json")
    assert find_garbage(store) == []
    assert [piece.what for piece in find_garbage(store, days=2)] == [cleaning.ABANDONED]


def test_a_folder_with_one_young_file_is_in_use(store: Store) -> None:
    """Features are written for hours into a folder that no record names yet."""
    left = leave(store.root / "artifacts" / "ee" / f"{OTHER}-00ff", 5, "offsets.npy")
    (left / "values.npy").write_bytes(b"still growing")
    age(left, 5)
    assert len(find_garbage(store)) == 1
    (left / "values.npy").touch()
    assert find_garbage(store) == []


def test_what_a_study_takes_up_between_the_look_and_the_removal_stays(store: Store) -> None:
    taken, committed = (
        leave(store.root / "artifacts" / each[:2] / f"{each}-00ff", 5, "x") for each in (OTHER, "d" * 32)
    )
    resumed = leave(store.root / "checkpoints" / OTHER, 60 * DAY, "state.json")
    garbage = find_garbage(store)
    assert len(garbage) == 3
    (taken / "x").touch()
    (resumed / "state.json").touch()
    store.ledger.add(Record("d" * 32, "round", {}, folder=f"artifacts/dd/{committed.name}"))
    assert remove_garbage(store, garbage) == []
    assert all(path.is_dir() for path in (taken, committed, resumed))


def test_files_of_a_record_that_cannot_be_read_stay(store: Store) -> None:
    """It may be of a newer version of after-ray, or the disk may be at fault."""
    key = min(store.ledger.finished())
    (store.root / "ledger" / key[:2] / f"{key}.json").write_text('{"format": 99}')
    age(store.root, 60 * DAY)
    assert find_garbage(store) == []


def test_keeping_a_study_removes_the_results_of_others_and_nothing_it_rests_on(tmp_path: Path) -> None:
    store, (sound, features, first, second) = filled(tmp_path)
    branch = put(store, "round", {"previous": first.key, "strategy": "other"}, first, predictions_x=b"r")
    alone = put(store, "candidate", {"rounds": [branch.key]}, branch)
    garbage = find_garbage(store, keep=frozenset({second.key, "of a round that is missing"}))
    assert [piece.key for piece in garbage] == [alone.key, branch.key], "what rests on others goes first"
    assert remove_garbage(store, garbage) == garbage
    assert store.ledger.finished() == {each.key for each in (sound, features, first, second)}
    assert not (store.root / branch.folder).exists()
    assert store.arrays_if_kept(second, "nothing") is None
    assert (store.root / second.folder / "predictions.x").is_file()


def test_keeping_a_study_spares_new_results_of_others_with_what_they_rest_on(tmp_path: Path) -> None:
    store, (sound, features, first, second) = filled(tmp_path)
    new = Record("d" * 32, "round", {}, (first.key,), finished=time.time() - 0.5 * HOURS)
    store.ledger.add(new)
    garbage = find_garbage(store, keep=frozenset({sound.key}))
    assert [piece.key for piece in garbage] == [second.key]
    later = find_garbage(store, keep=frozenset({sound.key}), now=time.time() + HOURS)
    assert {piece.key for piece in later if piece.key} == {features.key, first.key, second.key, new.key}


def test_a_record_that_names_a_folder_elsewhere_removes_nothing_there(tmp_path: Path) -> None:
    precious = leave(tmp_path / "precious", 5, "thesis.tex")
    store = Store(tmp_path / "store")
    store.ledger.add(Record(OTHER, "round", {}, folder="../precious"))
    remove_garbage(store, find_garbage(store, keep=frozenset()))
    assert (precious / "thesis.tex").is_file()
    assert store.ledger.finished() == set()


def test_a_claim_of_a_launch_that_is_heard_of_stays_however_old_it_is(store: Store) -> None:
    store.place.write("claims/a.json", b'{"launch": "00ff"}')
    store.place.write("launches/00ff.json", b"{}")
    age(store.root / "claims/a.json", 9 * DAY)
    assert find_garbage(store) == []


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    monkeypatch.setenv("AFTER_RAY_CACHE", str(tmp_path / "node"))
    return Bucket("s3://memory", MemoryStore())


def test_of_a_bucket_many_pieces_are_asked_for_and_removed_at_once(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, (*_, second) = filled(bucket)
    before = set(bucket.names(""))
    for number in range(20):
        key = f"{number:032x}"
        for place in (f"artifacts/{key[:2]}/{key}-00ff/x", f"checkpoints/{key}/x", f"ray/{key}/x"):
            bucket.write(place, LEFT_OVER)
        bucket.write(f"claims/{key}.json", b'{"launch": "00ff"}')
        put(store, "audio", {"manifest": number}, audio_npy=b"sound")
    later, asked = time.time() + 60 * DAY * HOURS, Asked(monkeypatch)
    garbage = find_garbage(store, keep=frozenset({second.key}), now=later)
    assert len(garbage) == 5 * 20
    assert asked.in_turn.total() <= 10, asked.in_turn
    asked.forget()
    assert remove_garbage(store, garbage, now=later) == garbage
    assert asked.in_turn.total() == 0, asked.in_turn
    assert set(bucket.names("")) == before


def test_of_a_bucket_what_rests_on_others_is_gone_before_them(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, (sound, *chain) = filled(bucket)
    garbage = find_garbage(store, keep=frozenset({sound.key}))
    removed, another = list[str](), threading.Event()

    def slow(ledger: Ledger, key: str) -> None:
        if key == chain[-1].key:
            another.wait(0.2)  # whoever does not wait for this one goes first
        removed.append(key)
        another.set()

    monkeypatch.setattr(Ledger, "remove", slow)
    remove_garbage(store, garbage)
    assert removed == [record.key for record in reversed(chain)]


def test_of_a_bucket_a_folder_that_a_record_names_meanwhile_stays(bucket: Bucket) -> None:
    store, later = Store(bucket), time.time() + 2 * HOURS
    folders = [f"artifacts/{each * 2}/{each * 32}-00ff" for each in "de"]
    for folder in folders:
        bucket.write(f"{folder}/x", LEFT_OVER)
    garbage = find_garbage(store, now=later)
    store.ledger.add(Record("d" * 32, "round", {}, folder=folders[0]))
    assert [piece.name for piece in remove_garbage(store, garbage, now=later)] == folders[1:]
    assert list(bucket.names("artifacts")) == [f"{folders[0]}/x"]
