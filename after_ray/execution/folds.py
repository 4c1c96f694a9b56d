"""The folds that a trial trains and tests on: those in the store, from this node's cache."""

from __future__ import annotations

from functools import lru_cache

from after_ray.environment import Execution
from after_ray.execution.corpus import open_corpus
from after_ray.execution.kept_folds import FOLDS_FILE, keep_folds
from after_ray.splits._settings import FoldChoice
from after_ray.splits.fold_file import FoldTable
from after_ray.splits.parts import Fold
from after_ray.stages import AudioStage, FoldsStage
from after_ray.store import NodeCache, Store


def open_fold(audio: AudioStage, choice: FoldChoice, execution: Execution) -> Fold:
    """One fold of a prepared corpus, from the store; read once per process."""
    return open_folds(audio, FoldsStage.of(audio, choice), execution).folds[choice.index]


@lru_cache(maxsize=8)
def open_folds(audio: AudioStage, stage: FoldsStage, execution: Execution) -> FoldTable:
    """All folds of a prepared corpus."""
    manifest = open_corpus(audio, execution).manifest
    store, cache = Store(execution.store), NodeCache(execution.cache, execution.cache_bytes)
    record = keep_folds(stage, manifest, store)
    return FoldTable.read(cache.fetch(store, record, FOLDS_FILE), manifest)
