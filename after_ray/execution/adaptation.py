"""The adaptation of one backbone to one train part: a trial of its own, shared by every trajectory."""

from __future__ import annotations

import time
from collections.abc import Callable

from after_ray.adaptation.tapt import Adapted, adapt
from after_ray.backbones.identity import provenance
from after_ray.environment import Execution, describe
from after_ray.errors import CollapsedAdaptation, DivergedTraining, LostHeads
from after_ray.execution.corpus import open_corpus
from after_ray.execution.folds import open_fold
from after_ray.seeds import SeedTree
from after_ray.sources import source_of
from after_ray.splits.oracle import Oracle
from after_ray.splits.tripwire import Tripwire
from after_ray.stages import AdaptationStage
from after_ray.store import Checkpoint, Draft, NodeCache, Record, Store
from after_ray.store.artifacts import MappedArrays, save_arrays
from after_ray.weights import Weights

WEIGHTS_FILE = "backbone.safetensors"
HEADS_FILE = "objective.safetensors"  # what the objective learned or found beside it


def compute_adaptation(
    stage: AdaptationStage, execution: Execution, progress: Callable[[int, int], None]
) -> Record:
    """Adapt the backbone to the train part of the fold and store its weights.

    No label is at hand, unless the adaptation needs them: then an oracle counts those that it reveals.
    One that was killed goes on from its checkpoint; one that failed begins anew, since it would fail again.
    """
    store = Store(execution.store)
    checkpoint = store.checkpoint(stage.key, execution.checkpoint_seconds)
    record = store.reclaim(stage.key)
    if record is None:
        started = time.time()
        oracle = _oracle(stage, execution)
        try:
            adapted = _adapt(stage, execution, checkpoint, progress, oracle)
        except (CollapsedAdaptation, DivergedTraining):
            checkpoint.clear()
            raise
        record = _commit(stage, execution, adapted, started, 0 if oracle is None else len(oracle))
    checkpoint.clear()
    return record


def _oracle(stage: AdaptationStage, execution: Execution) -> Oracle | None:
    """The labels of train, for an adaptation that needs them."""
    if not stage.adaptation.needs_all_labels:
        return None
    labels = open_corpus(stage.audio, execution).manifest.labels
    return Oracle(labels, open_fold(stage.audio, stage.fold, execution).train)


def _adapt(
    stage: AdaptationStage,
    execution: Execution,
    checkpoint: Checkpoint,
    progress: Callable[[int, int], None],
    oracle: Oracle | None,
) -> Adapted:
    corpus = open_corpus(stage.audio, execution)
    parts = open_fold(stage.audio, stage.fold, execution)
    audio = Tripwire(corpus.audio, parts, corpus.manifest.table["utterance"].tolist())
    seeds = SeedTree(stage.seed or 0).child("adaptation", "shared" if stage.seed is None else "seed")
    with audio.lifted("train", during="adaptation"):
        return adapt(
            stage.adaptation,
            stage.backbone,
            audio,
            parts.train,
            seeds.child(stage.fold.index),
            execution.resolve_device(),
            lambda done, total, _: progress(done, total),
            checkpoint,
            oracle,
        )


def _commit(
    stage: AdaptationStage, execution: Execution, adapted: Adapted, started: float, revealed: int
) -> Record:
    store = Store(execution.store)
    with store.workspace(stage.key) as folder:
        save_arrays(folder / WEIGHTS_FILE, adapted.weights)
        save_arrays(folder / HEADS_FILE, adapted.heads)
        finished = time.time()
        draft = Draft(
            key=stage.key,
            kind=stage.kind,
            meaning=stage.meaning(),
            parents=tuple(needed.key for needed in stage.needs()),
            measures=adapted.measures,
            seconds={"total": adapted.seconds_before + finished - started},
            details={
                "history": adapted.history,
                "corpus": stage.audio.corpus,
                "backbone": provenance(stage.backbone),
                "precision": stage.adaptation.precision,
                "compiled": False,
                "resumed": adapted.resumed,
                "labels_revealed": revealed,
                **adapted.details,
            },
            environment=describe(execution, source_of(stage)),
            started=started,
            finished=finished,
        )
        return store.commit(draft, folder)


def adapted_weights(stage: AdaptationStage | None, execution: Execution) -> Weights | None:
    """The weights of a finished adaptation, from this node's cache; None where nothing was adapted."""
    if stage is None:
        return None
    store, cache = Store(execution.store), NodeCache(execution.cache, execution.cache_bytes)
    return MappedArrays(cache.fetch(store, store.need(stage.key), WEIGHTS_FILE, verified=True))


def adapted_heads(stage: AdaptationStage | None, execution: Execution) -> Weights:
    """What the objective of a finished adaptation learned beside the backbone; nothing without adaptation.

    Raises:
        LostHeads: when the adaptation is from before they were kept.
    """
    if stage is None:
        return {}
    store = Store(execution.store)
    record = store.need(stage.key)
    if HEADS_FILE not in record.files:
        raise LostHeads(stage.key, store.place.told(record.folder))
    return store.arrays(record, HEADS_FILE)
