"""What takes room in a store is counted by what it is, once, and all of it."""

from __future__ import annotations

from pathlib import Path

from after_ray.store import Store
from after_ray.store.census import Census
from after_ray.store.usage import ORPHANS, OTHER, usage
from tests.after_ray.store.filled import LEFT_OVER, everything, filled, leave


def test_every_byte_is_counted_once_by_what_it_is(tmp_path: Path) -> None:
    store, (sound, features, first, second) = filled(tmp_path)
    size = len(LEFT_OVER)
    for place in (
        "checkpoints/ab/state.json",
        "checkpoints/ab/previous.json",
        "cache/x.npy",
        "mlflow.db-wal",
        "mlartifacts/1/a",
        "notes.txt",
    ):
        leave(tmp_path / place)
    leave(tmp_path / "artifacts" / "ee" / f"{'e' * 32}-00ff", inside="half.npy")
    found = usage(store, Census.of(store))
    amounts = {name: (amount.bytes, amount.count) for name, amount in found.amounts.items()}
    assert found.total == sum(len(data) for data in everything(tmp_path).values())
    assert amounts["audio"] == (500, 1)
    assert amounts["round"] == (1 + 41, 2), "dropped weights take no room"
    assert amounts["MLflow"] == (2 * size, 2)
    assert amounts["checkpoints"] == (2 * size, 1), "two files of one unfinished stage"
    assert amounts["cache"] == amounts[ORPHANS] == amounts[OTHER] == (size, 1)
    assert amounts["records"][1] == 4
    assert "logs" not in amounts, "what there is nothing of is not shown"
    assert found.of([sound.key, second.key, "unfinished"]) == 541
    assert set(found.stages) == {sound.key, features.key, first.key, second.key}


def test_an_empty_store_holds_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "none")
    assert usage(store, Census.of(store)).total == 0


def test_a_census_goes_on_past_records_that_cannot_be_read(tmp_path: Path) -> None:
    store, records = filled(tmp_path)
    key = records[1].key
    (tmp_path / "ledger" / key[:2] / f"{key}.json").write_text("{")
    census = Census.of(store)
    assert census.unreadable.keys() == {key}
    assert census.with_parents([records[3].key, "missing"]) == {records[2].key, records[3].key}
