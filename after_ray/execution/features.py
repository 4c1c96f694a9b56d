"""Features of a whole corpus, computed once and shared by every trial that trains on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.backbones.identity import provenance
from after_ray.corpora.prepared import PreparedCorpus
from after_ray.environment import Execution, describe
from after_ray.execution.adaptation import adapted_weights
from after_ray.execution.corpus import open_corpus
from after_ray.features import Extractor, extractors
from after_ray.features._settings import FeatureSettings, FrontEndFeatures
from after_ray.ragged import Ragged, write_ragged
from after_ray.sources import source_of
from after_ray.stages import FeaturesStage
from after_ray.store import SUMMARY_FILE, Draft, NodeCache, Record, Store
from after_ray.store.artifacts import save_arrays


def compute_features(
    stage: FeaturesStage, execution: Execution, progress: Callable[[int, int], None]
) -> Record:
    """Extract the features of every utterance, one at a time, and one summary vector of each."""
    store = Store(execution.store)
    standing = store.reclaim(stage.key)
    if standing is not None:
        return standing
    started = time.time()
    corpus = open_corpus(stage.audio, execution)
    extractor: Extractor = extractors.resolve(stage.features.kind)(  # type: ignore[call-arg]
        stage.features, adapted_weights(stage.adapted, execution), execution.resolve_device()
    )
    lengths = np.array([extractor.frames(int(samples)) for samples in corpus.audio.lengths], dtype=np.int64)
    with store.workspace(stage.key) as folder:
        rows = _extract(extractor, corpus, progress)
        written = write_ragged(folder, "features", rows, lengths, extractor.dtype, extractor.inner)
        save_arrays(folder / SUMMARY_FILE, {"summary": _summaries(extractor, Ragged.open(*written))})
        finished = time.time()
        draft = Draft(
            key=stage.key,
            kind=stage.kind,
            meaning=stage.meaning(),
            parents=tuple(needed.key for needed in stage.needs()),
            measures={"utterances": len(lengths), "frames": int(lengths.sum())},
            seconds={"features": finished - started, "total": finished - started},
            details={"precision": extractor.precision, **_provenance(stage.features)},
            environment=describe(execution, source_of(stage)),
            started=started,
            finished=finished,
        )
        return store.commit(draft, folder)


def _provenance(settings: FeatureSettings) -> dict[str, Any]:
    """What made the features, where a backbone did."""
    return {"backbone": provenance(settings.backbone)} if isinstance(settings, FrontEndFeatures) else {}


def _extract(
    extractor: Extractor, corpus: PreparedCorpus, progress: Callable[[int, int], None]
) -> Iterator[NDArray[Any]]:
    """One utterance after the other, so that never more than one is in memory."""
    for row in range(len(corpus.manifest)):
        yield extractor.extract(corpus.wave(row))
        progress(row + 1, len(corpus.manifest))


def _summaries(extractor: Extractor, features: Ragged) -> NDArray[np.float64]:
    """One vector per utterance, shape (utterances, d)."""
    summaries = np.empty((len(features), len(extractor.summary(features[0]))))
    for row in range(len(features)):
        summaries[row] = extractor.summary(features[row])
    return summaries


def open_features(stage: FeaturesStage, execution: Execution) -> Ragged:
    """Features from this node's cache, memory-mapped."""
    store, cache = Store(execution.store), NodeCache(execution.cache, execution.cache_bytes)
    record = store.need(stage.key)
    values, offsets = (cache.fetch(store, record, f"features.{part}.npy") for part in ("values", "offsets"))
    return Ragged.open(values, offsets)


def open_summaries(stage: FeaturesStage, execution: Execution) -> NDArray[np.float64]:
    """One vector per utterance, shape (utterances, d)."""
    store = Store(execution.store)
    return store.arrays(store.need(stage.key), SUMMARY_FILE)["summary"]
