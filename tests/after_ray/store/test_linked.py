"""A scratch store reads results of another one, and whatever happens in it the other one stays as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from after_ray.store import MODEL_FILE, Store
from after_ray.store.linked import link_result
from tests.after_ray.store.filled import everything, filled


def test_linked_results_are_read_and_dropping_or_removing_them_leaves_the_original(tmp_path: Path) -> None:
    store, records = filled(tmp_path / "real")
    before = everything(store.root)
    scratch = Store(tmp_path / "scratch")
    for record in (*records, records[0]):
        link_result(store, record, scratch)
    linked = scratch.need(records[3].key)
    assert linked == records[3]
    assert scratch.path(linked, MODEL_FILE).read_bytes() == b"v" * 40
    assert not scratch.has(scratch.need(records[2].key), MODEL_FILE), "it was dropped there"
    scratch.drop(linked, MODEL_FILE)
    assert not scratch.has(linked, MODEL_FILE)
    shutil.rmtree(scratch.root)
    assert everything(store.root) == before


def test_a_store_named_by_a_relative_path_can_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store, records = filled(Path("real"))
    scratch = Store(tmp_path / "elsewhere" / "scratch")
    link_result(store, records[0], scratch)
    assert scratch.path(records[0], "audio.npy").read_bytes() == b"sound" * 100
