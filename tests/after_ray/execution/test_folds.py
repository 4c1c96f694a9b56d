"""Folds in the store: written once, read by everybody, whatever their own library would have drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from after_ray.corpora._base import scan
from after_ray.corpora._settings import SyntheticSettings
from after_ray.environment import Execution
from after_ray.errors import DamagedStore
from after_ray.execution.corpus import prepare_audio
from after_ray.execution.folds import open_fold, open_folds
from after_ray.execution.kept_folds import FOLDS_FILE, keep_folds
from after_ray.manifest import Manifest
from after_ray.splits._settings import FoldChoice, FoldSettings
from after_ray.splits.fold_file import FoldTable
from after_ray.stages import AudioStage, FoldsStage
from after_ray.store import Store

CORPUS = SyntheticSettings(speakers=4, sentences=3)
CHOICE = FoldChoice(folds=FoldSettings(count=2), index=1)


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    return Execution(str(tmp_path / "store"), str(tmp_path / "cache"))


@pytest.fixture
def prepared(execution: Execution) -> tuple[AudioStage, Manifest]:
    found = scan(CORPUS, Path(execution.store) / "scans")
    audio = AudioStage(found.manifest.digest, "synthetic")
    prepare_audio(audio, found, CORPUS, Store(execution.store))
    return audio, found.manifest


def moved(table: FoldTable) -> FoldTable:
    """The folds as another library version might have drawn them: one utterance elsewhere."""
    part = table.folds[1]
    train, validation = part.train.copy(), part.validation.copy()
    train[0], validation[0] = validation[0], train[0]
    other = replace(part, train=np.sort(train), validation=np.sort(validation))
    return replace(table, folds=(table.folds[0], other))


def test_folds_are_written_by_whoever_needs_them_first(
    prepared: tuple[AudioStage, Manifest], execution: Execution
) -> None:
    audio, manifest = prepared
    store = Store(execution.store)
    part = open_fold(audio, CHOICE, execution)
    record = store.need(FoldsStage.of(audio, CHOICE).key)
    expected = FoldTable.make(manifest, CHOICE.folds, CHOICE.validation)
    assert record.details["digest"] == expected.digest
    assert np.array_equal(part.train, expected.folds[1].train)
    assert store.path(record, FOLDS_FILE).is_file()


def test_what_stands_in_the_store_wins_over_what_would_be_drawn_here(
    prepared: tuple[AudioStage, Manifest], execution: Execution
) -> None:
    audio, manifest = prepared
    stage = FoldsStage.of(audio, CHOICE)
    theirs = moved(FoldTable.make(manifest, CHOICE.folds, CHOICE.validation))
    keep_folds(stage, manifest, Store(execution.store), theirs)
    keep_folds(stage, manifest, Store(execution.store))
    part = open_fold(audio, CHOICE, execution)
    assert np.array_equal(part.validation, theirs.folds[1].validation)


def test_damaged_folds_are_refused_and_not_drawn_again(
    prepared: tuple[AudioStage, Manifest], execution: Execution
) -> None:
    audio, manifest = prepared
    stage = FoldsStage.of(audio, CHOICE)
    store = Store(execution.store)
    path = store.path(keep_folds(stage, manifest, store), FOLDS_FILE)
    path.write_text(path.read_text().replace("validation", "train00000", 1))
    open_folds.cache_clear()
    with pytest.raises(DamagedStore, match="its digest differs"):
        open_fold(audio, CHOICE, execution)
