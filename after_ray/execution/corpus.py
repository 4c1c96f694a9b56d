"""The prepared audio of a corpus: made once by the driver, opened by every trial from the node's cache."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from after_ray.corpora._base import Scan
from after_ray.corpora._settings import CorpusSettings
from after_ray.corpora.prepared import MANIFEST_FILE, PreparedCorpus, prepare
from after_ray.environment import Execution, describe, fix_threads
from after_ray.sources import source_of
from after_ray.stages import AudioStage
from after_ray.store import Draft, NodeCache, Record, Store

AUDIO_FILES = ("audio.values.npy", "audio.offsets.npy")


def prepare_audio(
    stage: AudioStage,
    scan: Scan,
    settings: CorpusSettings,
    store: Store,
    progress: Callable[[int, int], None] | None = None,
) -> Record:
    """Decode, mix and resample a corpus into the store, unless that is done. Runs where the corpus is."""
    standing = store.reclaim(stage.key)
    if standing is not None:
        return standing
    started = time.time()
    fix_threads(1)  # resampling gives other bits with other thread counts
    with store.workspace(stage.key) as folder:
        measures = prepare(scan, settings, folder, progress)
        finished = time.time()
        draft = Draft(
            key=stage.key,
            kind=stage.kind,
            meaning=stage.meaning(),
            measures=measures,
            seconds={"total": finished - started},
            environment=describe(Execution(store.url, ""), source_of(stage)),
            details=_details(scan),
            started=started,
            finished=finished,
        )
        return store.commit(draft, folder)


def _details(scan: Scan) -> dict[str, Any]:
    """Which copy of the corpus this was, for people and for every result made from it."""
    conformity = scan.conformity
    return {
        "corpus": scan.manifest.corpus,
        "problems": [list(problem) for problem in scan.problems],
        "left_out": [list(problem) for problem in scan.left_out],
        "conformity": {"level": conformity.level, "differences": list(conformity.differences)},
        "members": {member.manifest.corpus: member.conformity.level for member in scan.members},
    }


def open_corpus(stage: AudioStage, execution: Execution) -> PreparedCorpus:
    """The prepared corpus from this node's cache; opened once per process."""
    return _open(stage.key, execution.store, execution.cache, execution.cache_bytes)


@lru_cache(maxsize=4)
def _open(key: str, store_root: str, cache_root: str, cache_bytes: int) -> PreparedCorpus:
    store, cache = Store(store_root), NodeCache(cache_root, cache_bytes)
    record = store.need(key)
    values, offsets, manifest = (cache.fetch(store, record, name) for name in (*AUDIO_FILES, MANIFEST_FILE))
    return PreparedCorpus.open(values, offsets, manifest)
