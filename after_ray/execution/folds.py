"""The folds of a corpus in the store: whoever needs them first writes them, and all others read those."""

from __future__ import annotations

import time
from functools import lru_cache

from after_ray.environment import Execution, describe
from after_ray.execution.corpus import open_corpus
from after_ray.manifest import Manifest
from after_ray.splits._settings import FoldChoice
from after_ray.splits.fold_file import FoldTable
from after_ray.splits.parts import Fold
from after_ray.stages import AudioStage, FoldsStage
from after_ray.store import Draft, NodeCache, Record, Store

FOLDS_FILE = "folds.csv"


def keep_folds(stage: FoldsStage, manifest: Manifest, store: Store, given: FoldTable | None = None) -> Record:
    """Write folds into the store unless they stand there; `given` is a study's own fold file."""
    standing = store.find(stage.key)
    if standing is not None:
        return standing
    started = time.time()
    table = given or FoldTable.make(manifest, stage.folds, stage.validation)
    with store.workspace(stage.key) as folder:
        table.write(folder / FOLDS_FILE)
        finished = time.time()
        draft = Draft(
            key=stage.key,
            kind=stage.kind,
            meaning=stage.meaning(),
            measures={"folds": len(table.folds), "utterances": len(manifest)},
            seconds={"total": finished - started},
            environment=describe(Execution(str(store.root), "")),
            details={"corpus": manifest.corpus, "digest": table.digest, "made": table.made},
            started=started,
            finished=finished,
        )
        return store.commit(draft, folder)


def open_fold(audio: AudioStage, choice: FoldChoice, execution: Execution) -> Fold:
    """One fold of a prepared corpus, from the store; read once per process."""
    return _open(audio, FoldsStage.of(audio, choice), execution)[choice.index]


@lru_cache(maxsize=8)
def _open(audio: AudioStage, stage: FoldsStage, execution: Execution) -> tuple[Fold, ...]:
    manifest = open_corpus(audio, execution).manifest
    store, cache = Store(execution.store), NodeCache(execution.cache, execution.cache_bytes)
    record = keep_folds(stage, manifest, store)
    return FoldTable.read(cache.fetch(store, record, FOLDS_FILE), manifest).folds
