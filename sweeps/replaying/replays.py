"""Round 0s of trajectories that replay a recording, checked against the fold and the schedule."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from after_ray.errors import BadSelections
from after_ray.learning.schedule import Target
from after_ray.manifest import Manifest
from after_ray.splits.parts import Fold
from after_ray.stages import FirstRoundStage, SelectionsStage
from sweeps.replaying.recording import Place, Recording
from sweeps.study.declaration import Study
from sweeps.study.replays import replayed_strategy

Rows = NDArray[np.int64]
Replay = Callable[[FirstRoundStage, str, str], FirstRoundStage]
"""Of a round 0, a strategy and the initialization's name in tables: that round 0 as it is replayed."""


class Replays:
    """The recordings that a study replays.

    Attributes:
        rows: what each stage of selections holds, as far as it was asked for.
    """

    def __init__(self, study: Study) -> None:
        self._asked = study.replays
        self._files: dict[str, Recording] = {}
        self._known: dict[str, pd.Index[str]] = {}
        self.rows: dict[str, Rows] = {}

    def on(self, manifest: Manifest, fold: Fold, target: Target) -> Replay:
        """How trajectories on one fold replay up to a last target."""

        def replayed(first: FirstRoundStage, strategy: str, initialization: str) -> FirstRoundStage:
            rows = self._rows(manifest, first, strategy, initialization)
            self._refuse_outside(rows, manifest, fold, strategy)
            self._refuse_short(rows, manifest, fold, target, strategy)
            stage = SelectionsStage.of(manifest.digest, rows)
            self.rows[stage.key] = rows
            return replace(first, replayed=stage)

        return replayed

    def _rows(self, manifest: Manifest, first: FirstRoundStage, strategy: str, initialization: str) -> Rows:
        asked = self._asked[strategy]
        if asked.file not in self._files:
            self._files[asked.file] = Recording(Path(asked.file))
        if manifest.digest not in self._known:
            self._known[manifest.digest] = pd.Index(manifest.table["utterance"])
        return self._files[asked.file].rows(
            Place(manifest.corpus, first.fold.index, first.seed),
            manifest.digest,
            self._known[manifest.digest],
            replayed_strategy(strategy),
            initialization,
            asked.where.named,
        )

    def _refuse_outside(self, rows: Rows, manifest: Manifest, fold: Fold, strategy: str) -> None:
        outside = rows[~np.isin(rows, fold.train)]
        if len(outside):
            row = int(outside[0])
            part = next((name for name in ("validation", "test") if row in getattr(fold, name)), "no part")
            raise BadSelections(
                self._asked[strategy].file,
                f"'{manifest.table['utterance'].iat[row]}' is not in train of fold {fold.index} of "
                f"{manifest.corpus} but in {part}, so it may not be labelled; the file is of other folds",
            )

    def _refuse_short(
        self, rows: Rows, manifest: Manifest, fold: Fold, target: Target, strategy: str
    ) -> None:
        there: float = len(rows)
        wanted, unit, next_one = float(target.size), "utterances", 1.0
        if target.seconds is not None:
            durations = manifest.table["seconds"].to_numpy(dtype=np.float64)
            there, wanted, unit = math.fsum(durations[rows]), target.seconds, "seconds of audio"
            others = durations[np.setdiff1d(fold.train, rows)]
            next_one = float(others.min(initial=math.inf))  # rounds stop short of it
        if wanted - there >= next_one and len(rows) < len(fold.train):
            raise BadSelections(
                self._asked[strategy].file,
                f"it has {there:g} {unit} of {manifest.corpus} fold {fold.index}, and the schedule asks for "
                f"{wanted:g}; end the schedule earlier, or record more",
            )
