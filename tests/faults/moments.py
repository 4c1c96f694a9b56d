"""Hooks at the four moments of a run, and what is counted meanwhile: stages begun, optimiser steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from after_ray.acquisition import Strategy
from after_ray.execution import adaptation, features
from after_ray.execution.rounds import Trajectory
from after_ray.learning import fit
from after_ray.store import Checkpoint, Ledger, Record
from tests.faults.matrix import Moment
from tests.faults.small import Small

STEP = 2  # the optimiser step at which a training is hit: neither its first nor its last


class Watched:
    """A run that is watched: `hit` is called once, when the moment has come."""

    def __init__(self, small: Small, moment: Moment, hit: Callable[[], None], *, at_save: bool) -> None:
        self._small, self._moment, self._hit = small, moment, hit
        self._at_save = at_save  # of a selection: when its choice is saved, instead of while it is made
        self.armed = True
        self.starts: Counter[str] = Counter()
        self.steps = 0

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Patch the seams: the checkpoint's save, a strategy's select, the ledger's add; and the counters."""
        save, select, add = Checkpoint.save, Strategy.select, Ledger.add

        def saving(checkpoint: Checkpoint, arrays: Any, values: Mapping[str, Any]) -> None:
            save(checkpoint, arrays, values)
            folder = checkpoint._folder
            if folder is not None and self._is_saved(folder.name, values):
                self.come()

        def selecting(strategy: Strategy, *arguments: Any) -> Any:
            if self._moment == "selection" and not self._at_save:
                self.come()
            return select(strategy, *arguments)

        def adding(ledger: Ledger, record: Record) -> Record:
            stands = add(ledger, record)
            if self._moment == "between rounds" and record.key == self._small.rounds[1]:
                self.come()
            return stands

        patch.setattr(Checkpoint, "save", saving)
        patch.setattr(Strategy, "select", selecting)
        patch.setattr(Ledger, "add", adding)
        self._count(patch)

    def come(self) -> None:
        """The moment has come."""
        if self.armed:
            self.armed = False
            self._hit()

    def _is_saved(self, key: str, values: Mapping[str, Any]) -> bool:
        small, moment = self._small, self._moment
        if moment == "adaptation":
            return key == small.adaptation and values.get("step") == STEP
        if moment == "training":
            return key == small.rounds[1] and values.get("update") == STEP
        return moment == "selection" and self._at_save and key == small.rounds[1] and "update" not in values

    def _count(self, patch: pytest.MonkeyPatch) -> None:
        from after_ray.adaptation._training import Training

        adapt, extract, run = adaptation._adapt, features._extract, Trajectory._run
        update, fitting = Training.update, fit._update

        def started(work: Callable[..., Any], key: Callable[..., str]) -> Callable[..., Any]:
            def starting(*arguments: Any, **named: Any) -> Any:
                self.starts[key(*arguments)] += 1
                return work(*arguments, **named)

            return starting

        def stepping(work: Callable[..., Any]) -> Callable[..., Any]:
            def step(*arguments: Any, **named: Any) -> Any:
                self.steps += 1
                return work(*arguments, **named)

            return step

        patch.setattr(adaptation, "_adapt", started(adapt, lambda stage, *rest: stage.key))
        patch.setattr(features, "_extract", started(extract, lambda *all_of_it: "features"))
        patch.setattr(Trajectory, "_run", started(run, lambda trajectory, stage: stage.key))
        patch.setattr(Training, "update", stepping(update))
        patch.setattr(fit, "_update", stepping(fitting))
