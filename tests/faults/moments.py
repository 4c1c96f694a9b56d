"""Hooks at the four moments of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from after_ray.acquisition import Strategy
from after_ray.store import Checkpoint, Ledger, Record
from tests.faults.counted import Counted, count
from tests.faults.matrix import Moment
from tests.faults.small import Small

STEP = 2  # the optimiser step at which a training is hit: neither its first nor its last


class Watched:
    """A run that is watched: `hit` is called once, when the moment has come."""

    def __init__(self, small: Small, moment: Moment, hit: Callable[[], None], *, at_save: bool) -> None:
        self._small, self._moment, self._hit = small, moment, hit
        self._at_save = at_save  # of a selection: when its choice is saved, instead of while it is made
        self.armed = True
        self.counted = Counted()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Patch the seams: the checkpoint's save, a strategy's select, the ledger's add; and the counters."""
        save, select, add = Checkpoint.save, Strategy.select, Ledger.add

        def saving(checkpoint: Checkpoint, arrays: Any, values: Mapping[str, Any]) -> None:
            save(checkpoint, arrays, values)
            place = checkpoint._place
            if place is not None and self._is_saved(place.url.rpartition("/")[2], values):
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
        count(patch.setattr, self._begun, self._step)

    def _begun(self, key: str) -> None:
        self.counted.starts[key] += 1

    def _step(self) -> None:
        self.counted.steps += 1

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
