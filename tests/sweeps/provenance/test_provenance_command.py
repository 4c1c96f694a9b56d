"""`after-ray provenance` tells how one result came to be, down to the manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from after_ray.code_state import keep_code_state
from after_ray.store import Record, Store
from sweeps.cli import app


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A round made from features made from audio."""
    made = Store(tmp_path)
    code = keep_code_state(made)
    audio = Record("a" * 32, "audio", {"manifest": "digest of the manifest"}, seconds={"total": 1.0})
    features = Record("b" * 32, "features", {"audio": audio.key}, (audio.key,), environment={"host": "node"})
    environment = {"provenance": code.digest, "commit": code.commit}
    round_ = Record("c" * 32, "round", {"size": 8}, (features.key,), {"ua": 0.5}, environment=environment)
    for record in (audio, features, round_):
        made.ledger.add(record)
    return made


def ask(store: Store, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["provenance", *arguments, "--store", str(store.root)])
    return done.exit_code, done.output


def test_everything_below_a_result_is_told(store: Store) -> None:
    code, said = ask(store, "cccccc", "--json")
    told = json.loads(said)
    assert code == 0
    assert told["manifest"] == "digest of the manifest"
    assert told["settings"] == {"size": 8}
    assert [one["kind"] for one in told["made_from"]] == ["features", "audio"]
    assert told["made_from"][0]["host"] == "node"
    assert told["code"]["packages"]["numpy"]
    code, said = ask(store, "c" * 32)
    assert "manifest: digest of the manifest" in said
    assert "lines, shown by --json" in said
    assert "numpy" not in said, "hundreds of packages are for --json"


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("dddd", "does not name one result: no result has a key that begins with it; allowed"),
        ("ccc", f"is too short, 1 key begins with it ({'c' * 32}); allowed"),
        ("ddd", "is too short, no result has a key that begins with it; allowed"),
        ("cccc", f"does not name one result: 2 keys begin with it ({'c' * 32}, {'c' * 31}d); allowed"),
    ],
)
def test_a_key_that_names_nothing_is_refused(store: Store, key: str, problem: str) -> None:
    if key == "cccc":
        store.ledger.add(Record("c" * 31 + "d", "round", {}))
    code, said = ask(store, key)
    assert code == 1
    assert f"The key '{key}' {problem}: 4 characters" in said
    assert "status" not in said, "which lists no keys"
    assert f"the files in {store.root / 'ledger'}" in said
