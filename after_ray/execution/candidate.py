"""A candidate's rungs, one after another: run the rounds of each, and read what validation says of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cached_property

from after_ray.candidate import CandidateStage
from after_ray.environment import Execution, describe
from after_ray.sources import source_of
from after_ray.stages import MADE_BY_DRIVER, FirstRoundStage, NextRoundStage, Stage, collect
from after_ray.store import Draft, Record, Store
from after_ray.store.pruned import forget


class CandidateRun:
    """Climbs the rungs of one candidate; rounds that have a record are read, not run again.

    Nothing of a round is handed on but its validation UA: whoever compares candidates by what is here cannot
    choose by test numbers.
    """

    def __init__(self, stage: CandidateStage, execution: Execution) -> None:
        self._stage, self._execution = stage, execution
        self._started = time.time()
        self.scores: tuple[float, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether all rungs are passed."""
        return len(self.scores) == len(self._stage.rounds)

    @property
    def value(self) -> float:
        """Validation UA so far: over the blocks, or at the newest ratio."""
        return self._stage.value(self.scores)

    def advance(self) -> None:
        """Pass the next rung; the last one leaves the record of the candidate."""
        from after_ray.execution import run

        last = self._stage.rounds[len(self.scores)]
        for needed in _in_order(last):
            run(needed, self._execution)
        run(last, self._execution)
        scores = (*self.scores, validation_ua(self._store, last.key))
        if len(scores) == len(self._stage.rounds):
            self._commit(scores)
        self.scores = scores  # last: a store that could not be written to is tried again from here

    def _commit(self, scores: tuple[float, ...]) -> Record:
        finished = time.time()
        draft = Draft(
            key=self._stage.key,
            kind=self._stage.kind,
            meaning=self._stage.meaning(),
            parents=tuple(stage.key for stage in self._stage.rounds),
            measures={"validation_ua": self._stage.value(scores), "rungs": len(scores)},
            seconds={"total": finished - self._started},
            details={"scores": list(scores)},
            environment=describe(self._execution, source_of(self._stage)),
            started=self._started,
            finished=finished,
        )
        record = self._store.commit(draft)
        forget(self._store.place, record.key)
        return record

    @cached_property
    def _store(self) -> Store:
        return Store(self._execution.store)


def validation_ua(store: Store, key: str) -> float:
    """The one number of a finished round that a search may know."""
    value = store.need(key).measures["validation_ua"]
    assert value is not None
    return float(value)


def _in_order(last: Stage) -> Iterator[Stage]:
    """What rounds rest on and a trial makes, what is needed before what needs it."""
    found: dict[str, Stage] = {}
    collect(last, found)
    for stage in found.values():
        if not isinstance(stage, (*MADE_BY_DRIVER, FirstRoundStage, NextRoundStage)):
            yield stage
