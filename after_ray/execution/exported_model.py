"""The model that a finished round trained, as a folder."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from after_ray.backbones.loading import arrays, build
from after_ray.backbones.settings import BackboneSettings
from after_ray.environment import Execution
from after_ray.errors import DamagedStore, UnlikeRecord
from after_ray.execution.adaptation import adapted_weights
from after_ray.execution.corpus import open_corpus
from after_ray.execution.model_story import Source, story_of
from after_ray.execution.pretraining import pretrained_weights
from after_ray.execution.rounds import Trajectory
from after_ray.models.card import CARD_FILE, card
from after_ray.models.facts import ModelFacts, heard_seconds, kind_of
from after_ray.models.folder import Parts, write_model
from after_ray.models.model import Model
from after_ray.models.scripted import can_be_scripted, write_scripted
from after_ray.models.transformers.writing import self_contained, write_beside
from after_ray.stages import FirstRoundStage, NextRoundStage, rounds
from after_ray.store import MODEL_FILE, PREDICTIONS_FILE, Store
from after_ray.weights import Weights

RoundStage = FirstRoundStage | NextRoundStage
COMPARED = 16  # test clips whose probabilities are compared with the record
# Of probabilities: float32 on another device or with other threads, and formats of 16 bits.
ALLOWED, ALLOWED_16 = 1e-3, 0.1


@dataclass(frozen=True)
class ExportedModel:
    """What was written, and by how much a probability differs at most from the record of the round."""

    facts: ModelFacts
    largest: float
    compared: int


def rounds_to_train(stage: RoundStage, store: Store) -> int:
    """How many rounds are trained again for the weights of one: those behind the last that are still kept.

    0 where its own are kept.
    """
    chain = rounds(stage)
    for back, one in enumerate(reversed(chain)):
        record = store.find(one.key)
        if record is not None and store.has(record, MODEL_FILE):
            return back
        if isinstance(one, FirstRoundStage) or one.restart == "pretrained":
            return back + 1  # it starts afresh
    return len(chain)


def export_model(
    stage: RoundStage, execution: Execution, out: Path, study: str, protocol: str, script: bool = True
) -> ExportedModel:
    """Write the model of a finished round to `out`, which is not there yet.

    Weights that the store has dropped are trained again, to the same bits with equal threads on an equal
    machine. Before anything is written the model scores test clips, which are compared with the record.

    Args:
        stage: the round.
        execution: where its store is; threads and device as its record says them give the same bits.
        study: name of the study.
        protocol: name of its preset.
        script: whether a network is written as TorchScript, too.

    Raises:
        DamagedStore: when the round is not finished, or what it rests on is gone.
        OccupiedFolder: when something is at `out`.
        UnlikeRecord: when the model does not give what the record of the round says.
        UnfitScript: when TorchScript does not carry it.
    """
    store, trajectory = Store(execution.store), Trajectory(stage, execution)
    record = store.need(stage.key)
    if trajectory.found() != len(trajectory.stages):
        missing = trajectory.stages[trajectory.done]
        raise DamagedStore(
            store.url, f"round {missing.key}, which round {stage.key} rests on, is not finished"
        )
    first = trajectory.stages[0]
    assert isinstance(first, FirstRoundStage)
    backbone = None if first.backbone is None else self_contained(first.backbone)
    facts = _facts(stage, first, tuple(record.details["classes"]), backbone, study)
    parts = Parts(
        trajectory.newest_weights(),
        _backbone_weights(first, execution),
        pretrained_weights(first.pretrained, execution),
    )
    predictions = store.arrays(record, PREDICTIONS_FILE)
    model = Model(facts, parts.named(facts))
    largest, compared = _compared(model, first, predictions, execution)
    allowed = ALLOWED if record.details.get("precision", "fp32") == "fp32" else ALLOWED_16
    if not largest <= allowed:  # not a number is not below anything
        raise UnlikeRecord(stage.key, largest, allowed)
    source = Source(stage, record, trajectory.manifest, trajectory.fold, predictions, study, protocol)
    note = (
        f"Probabilities of {compared} test clips were compared with the record of the round when this folder "
        f"was written; the largest difference is {largest:.1e}."
    )

    def beside(folder: Path, facts: ModelFacts) -> ModelFacts:
        if facts.kind == "transformer":
            write_beside(folder, facts)
        elif script and can_be_scripted(facts):
            facts = write_scripted(folder, model)
        (folder / CARD_FILE).write_text(card(facts, story_of(source, (note,))), encoding="utf-8")
        return facts

    return ExportedModel(write_model(out, facts, parts, beside), largest, compared)


def _facts(
    stage: RoundStage,
    first: FirstRoundStage,
    classes: tuple[str, ...],
    backbone: BackboneSettings | None,
    study: str,
) -> ModelFacts:
    features = first.classifier.features(backbone)
    return ModelFacts(
        kind=kind_of(first.classifier),
        classes=classes,
        classifier=first.classifier,
        features=features,
        backbone=backbone,
        study=study,
        key=stage.key,
        max_seconds=heard_seconds(first.classifier, features),
        version=importlib.metadata.version("after-ray"),
    )


def _backbone_weights(first: FirstRoundStage, execution: Execution) -> Weights | None:
    """Of the adapted backbone, or of the one that was never adapted."""
    if first.backbone is None:
        return None
    adapted = adapted_weights(first.adapted, execution)
    return arrays(build(first.backbone)) if adapted is None else adapted


def _compared(
    model: Model, first: FirstRoundStage, predictions: Weights, execution: Execution
) -> tuple[float, int]:
    """The largest difference of a probability over some test clips, and how many they are."""
    corpus = open_corpus(first.audio, execution)
    rows = predictions["test_rows"]
    places = np.unique(np.linspace(0, len(rows) - 1, min(COMPARED, len(rows))).astype(np.int64))
    waves = [corpus.wave(row) for row in rows[places].tolist()]
    ours = np.exp(model.log_probabilities(waves))
    recorded = np.exp(predictions["test_log_probabilities"][places])
    return float(np.abs(ours - recorded).max()), len(places)
