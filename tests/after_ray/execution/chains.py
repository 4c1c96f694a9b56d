"""A small corpus, a small backbone, and chains of rounds on them, for tests of whole trajectories."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from after_ray.adaptation.settings import TaptSettings
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import ClassifierSettings, PooledTransformerSettings, needs_backbone
from after_ray.corpora._base import scan
from after_ray.corpora._settings import SyntheticSettings
from after_ray.environment import Execution, fix_threads
from after_ray.execution import run
from after_ray.execution.corpus import prepare_audio
from after_ray.initialization._settings import ClusteringSettings
from after_ray.learning.settings import Restart
from after_ray.splits._settings import FoldChoice, FoldSettings, ValidationCap, ValidationSettings
from after_ray.stages import MADE_BY_DRIVER, AdaptationStage, AudioStage, FirstRoundStage, NextRoundStage
from after_ray.store import PREDICTIONS_FILE, Checkpoint, Store
from after_ray.training.settings import FittingSettings
from tests.after_ray.tiny import TINY

CORPUS = SyntheticSettings(speakers=6, sentences=3)
SIZES = (8, 16, 24, 32)
BACKBONE = BackboneSettings(  # everything that draws in training is on
    config={
        **TINY,
        "layerdrop": 0.2,
        "hidden_dropout": 0.1,
        "attention_dropout": 0.1,
        "activation_dropout": 0.1,
        "feat_proj_dropout": 0.1,
    }
)
TAPT = TaptSettings(steps=4, batch_seconds=8, max_seconds=2, negatives=5)
FITTING = FittingSettings(
    max_epochs=2, min_updates=6, batch_size=8, learning_rate=1e-3, evaluations_per_epoch=2
)
TRANSFORMER = PooledTransformerSettings(head_dropout=0.1, fitting=FITTING)


def prepared(execution: Execution) -> AudioStage:
    """The corpus in the store."""
    found = scan(CORPUS, Path(execution.store) / "scans")
    audio = AudioStage(found.manifest.digest, "synthetic")
    prepare_audio(audio, found, CORPUS, Store(execution.store))
    return audio


def first_round(
    audio: AudioStage, classifier: ClassifierSettings, share: float = 10.0, cap: ValidationCap = "none"
) -> FirstRoundStage:
    """Round 0 by clustering; `share` percent of what is not test are validation."""
    choice = FoldChoice(folds=FoldSettings(count=3), validation=ValidationSettings(share=share), index=1)
    backbone = BACKBONE if needs_backbone(classifier) else None
    adapted = None if backbone is None else AdaptationStage(audio, choice, backbone, TAPT)
    return FirstRoundStage(
        audio, choice, classifier, ClusteringSettings(), SIZES[0], 5, backbone, adapted, validation_cap=cap
    )


def run_needs(first: FirstRoundStage, execution: Execution) -> None:
    """Run what round 0 rests on: the adaptation before the features that rest on it."""
    for stage in reversed(first.needs()):
        if not isinstance(stage, MADE_BY_DRIVER):
            run(stage, execution)


def following(
    first: FirstRoundStage, restart: Restart = "previous", sizes: tuple[int, ...] = SIZES
) -> NextRoundStage:
    """The last stage of an entropy trajectory through `sizes`."""
    last: FirstRoundStage | NextRoundStage = first
    for size in sizes[1:]:
        last = NextRoundStage(last, size, "entropy", restart)
    assert isinstance(last, NextRoundStage)
    return last


def chain(
    execution: Execution, classifier: ClassifierSettings, restart: Restart = "previous"
) -> NextRoundStage:
    """Prepared audio and features in the store, and the last stage of an entropy trajectory."""
    first = first_round(prepared(execution), classifier)
    run_needs(first, execution)
    return following(first, restart)


def run_and_die(last: NextRoundStage, execution: Execution, saves: int) -> None:
    """Run a trajectory in this process, which kills itself after so many checkpoints."""
    fix_threads(execution.threads)
    save, left = Checkpoint.save, iter(range(saves - 1))

    def saving(self: Checkpoint, arrays: Any, values: Any) -> None:
        save(self, arrays, values)
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    Checkpoint.save = saving  # type: ignore[method-assign]
    run(last, execution)


def results(execution: Execution, last: NextRoundStage) -> list[tuple[object, ...]]:
    """Everything of each round that must be equal, bit for bit."""
    store = Store(execution.store)
    found: list[tuple[object, ...]] = []
    for stage in last.chain:
        record = store.need(stage.key)
        predictions = store.arrays(record, PREDICTIONS_FILE)
        bits = tuple((name, array.tobytes()) for name, array in sorted(predictions.items()))
        found.append((stage.key, dict(record.measures), record.details["acquired"], bits))
    return found
