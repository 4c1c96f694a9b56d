"""The folds of a corpus as a record of the store: who needs them first writes them, all others read those.

Planned from without torch: the driver must count and show the same folds that its trials train on.
"""

from __future__ import annotations

import time

from after_ray.environment import Execution, describe
from after_ray.errors import DamagedRecord, DamagedStore
from after_ray.manifest import Manifest
from after_ray.sources import source_of
from after_ray.splits.fold_file import FoldTable
from after_ray.stages import FoldsStage
from after_ray.store import Draft, Record, Store

FOLDS_FILE = "folds.csv"


def standing_folds(stage: FoldsStage, manifest: Manifest, store: Store) -> FoldTable | None:
    """The folds that the store holds, whatever would be drawn here; None when it holds none.

    A damaged record counts as none: `keep_folds` writes it again.

    Raises:
        DamagedStore: when they are not those that were written.
    """
    try:
        record = store.find(stage.key)
    except DamagedRecord:
        return None
    if record is None:
        return None
    path = store.path(record, FOLDS_FILE)
    table = FoldTable.read(path, manifest)
    if table.digest != record.details["digest"]:
        raise DamagedStore(path, "its folds are not those of its record")
    return table


def keep_folds(stage: FoldsStage, manifest: Manifest, store: Store, given: FoldTable | None = None) -> Record:
    """Write folds into the store unless they stand there; `given` are those of the plan."""
    standing = store.reclaim(stage.key)
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
            environment=describe(Execution(store.url, ""), source_of(stage)),
            details={"corpus": manifest.corpus, "digest": table.digest, "made": table.made},
            started=started,
            finished=finished,
        )
        return store.commit(draft, folder)
