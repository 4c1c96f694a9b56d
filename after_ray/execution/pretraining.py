"""One step of a classifier's pretraining: a trial of its own, shared by all that starts from there."""

from __future__ import annotations

import time

from after_ray.classifiers import classifiers
from after_ray.classifiers._pretraining import Pretrained, PretrainingInputs, Shown
from after_ray.environment import Execution, describe
from after_ray.errors import ChangedCode, DivergedTraining, UnfitClassifier
from after_ray.execution.corpus import open_corpus
from after_ray.execution.features import open_features
from after_ray.execution.folds import open_fold
from after_ray.seeds import SeedTree
from after_ray.sources import source_of
from after_ray.splits.oracle import Oracle
from after_ray.splits.tripwire import Tripwire
from after_ray.stages import PretrainingStage
from after_ray.store import Checkpoint, Draft, NodeCache, Record, Store
from after_ray.store.artifacts import MappedArrays, save_arrays
from after_ray.weights import Weights

WEIGHTS_FILE = "pretrained.safetensors"


def compute_pretraining(stage: PretrainingStage, execution: Execution) -> Record:
    """Take the step on the train part of the fold and store what it leaves.

    Labels of train are revealed, all of them, to a step that learns from labels and to no other. One that was
    killed goes on from its checkpoint; one that diverged begins anew, since it would diverge again.

    Raises:
        UnfitClassifier: when the step is told labels, and the settings of its classifier say that none are.
        ChangedCode: when the file of a user's own classifier is not what the key was made of.
    """
    store = Store(execution.store)
    checkpoint = store.checkpoint(stage.key, execution.checkpoint_seconds)
    record = store.reclaim(stage.key)
    if record is None:
        stage.checked_meaning()
        started = time.time()
        try:
            pretrained, revealed = _pretrain(stage, execution, checkpoint)
            record = _commit(stage, execution, pretrained, revealed, started)
        except (DivergedTraining, ChangedCode):
            checkpoint.clear()
            raise
    checkpoint.clear()
    return record


def _pretrain(
    stage: PretrainingStage, execution: Execution, checkpoint: Checkpoint
) -> tuple[Pretrained, int]:
    """What the step leaves, and how many labels of train it was told."""
    manifest = open_corpus(stage.audio, execution).manifest
    parts = open_fold(stage.audio, stage.fold, execution)
    stored = open_features(stage.features, execution)
    features = Tripwire(stored, parts, manifest.table["utterance"].to_numpy())
    oracle = Oracle(manifest.labels, parts.train)
    train, validation = Shown(parts.train), Shown(parts.validation)
    if stage.step.with_labels:
        _refuse_undeclared(stage)
        train = Shown(parts.train, oracle.reveal(parts.train))
        validation = Shown(parts.validation, manifest.labels[parts.validation])
    seeds = SeedTree(stage.seed or 0).child("pretraining", "shared" if stage.seed is None else "seed")
    inputs = PretrainingInputs(
        features,
        len(manifest.classes),
        train,
        validation,
        pretrained_weights(stage.previous, execution),
        execution.resolve_device(),
    )
    implementation = classifiers.resolve(stage.classifier)
    with features.lifted("train", "validation", during="pretraining"):
        pretrained = implementation.pretrain(
            stage.step,
            inputs,
            seeds=seeds.child(stage.fold.index, stage.step.name),
            checkpoint=checkpoint,
        )
    return pretrained, len(oracle)


def _refuse_undeclared(stage: PretrainingStage) -> None:
    """Studies are refused by what settings say of labels, so that a step which reads more would be a leak.

    Raises:
        UnfitClassifier: when the settings of the classifier say that no labels of all of train are read.
    """
    if not stage.all_labels:
        raise UnfitClassifier(
            stage.classifier,
            f"the step '{stage.step.name}' of its pretraining is told the labels of all of train, and its "
            "settings have 'needs_all_labels' False",
            "remove that from them, so that it follows from the steps, or 'with_labels' from the step",
        )


def _commit(
    stage: PretrainingStage, execution: Execution, pretrained: Pretrained, revealed: int, started: float
) -> Record:
    store, report = Store(execution.store), pretrained.report
    with store.workspace(stage.key) as folder:
        save_arrays(folder / WEIGHTS_FILE, pretrained.weights)
        finished = time.time()
        draft = Draft(
            key=stage.key,
            kind=stage.kind,
            meaning=stage.checked_meaning(),
            parents=tuple(needed.key for needed in stage.needs()),
            measures={
                "labels_revealed": revealed,
                "validation_loss": report.validation_loss,
                "epochs": report.epochs,
                "updates": report.updates,
                **pretrained.measures,
            },
            seconds={"total": report.seconds_before + finished - started},
            details={
                "corpus": stage.audio.corpus,
                "classifier": stage.classifier,
                "step": stage.step.name,
                "stopped": report.stopped,
                "warnings": list(report.warnings),
                "precision": report.precision,
                "compiled": report.compiled,
                "resumed": report.resumed,
            },
            environment=describe(execution, source_of(stage)),
            started=started,
            finished=finished,
        )
        return store.commit(draft, folder)


def pretrained_weights(stage: PretrainingStage | None, execution: Execution) -> Weights | None:
    """The weights of a finished step, from this node's cache; None where there is none."""
    if stage is None:
        return None
    store, cache = Store(execution.store), NodeCache(execution.cache, execution.cache_bytes)
    return MappedArrays(cache.fetch(store, store.need(stage.key), WEIGHTS_FILE, verified=True))
