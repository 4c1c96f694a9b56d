"""A study with every kind of stage, small enough that the whole of it runs in a fraction of a second."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from after_ray.stages import AdaptationStage
from after_ray.store import PREDICTIONS_FILE, Store
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.running.studies import prepare
from tests.after_ray.tiny import TINY

FITTING = "{max_epochs: 1, min_updates: 4, evaluations_per_epoch: 1, batch_size: 8}"
STUDY = f"""\
study: small
corpus: {{name: synthetic, speakers: 6, sentences: 2}}
classifier: {{name: pooled_transformer, fitting: {FITTING}}}
backbone: {{config: {json.dumps(TINY)}}}
adaptation: {{name: tapt, steps: 4, batch_seconds: 4, max_seconds: 1, negatives: 5}}
strategy: entropy
initialization: random
schedule: [20, 40, 60]
fold: 0
protocol: {{preset: paper, folds: {{count: 3}}}}
resources: {{checkpoint_seconds: 0.0001}}
"""


class Small:
    """The study with its prepared audio and folds in a store that others are copied from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / "small.yaml"
        path.write_text(STUDY)
        self._opened = open_study(path, folder / "prepared")
        prepare(self._opened)

    def in_store(self, root: Path) -> OpenStudy:
        """The study, ready to run, in a new store."""
        shutil.copytree(self._opened.store.root, root)
        return replace(self._opened, store=Store(root))

    @cached_property
    def adaptation(self) -> str:
        """Key of the adaptation."""
        (key,) = self._opened.plan.of_kind(AdaptationStage)
        return key

    @cached_property
    def folds(self) -> str:
        """Key of the folds."""
        return self._opened.plan.splits[0].stage.key

    @cached_property
    def rounds(self) -> tuple[str, ...]:
        """Keys of the rounds, round 0 first."""
        (trajectory,) = self._opened.plan.trajectories
        return tuple(stage.key for stage in trajectory.stages)


def results(store: Store) -> dict[str, Any]:
    """What must be equal bit for bit: weights of adaptations, measures, picks and predictions of rounds."""
    found: dict[str, Any] = {}
    for key in store.ledger.finished():
        record = store.need(key)
        if record.kind == "adaptation":
            found[key] = record.files["backbone.safetensors"].sha256
        if record.kind == "round":
            bits = record.files[PREDICTIONS_FILE].sha256
            found[key] = (dict(record.measures), record.details["acquired"], bits)
    return found
