"""What a trial does: a piece of work that advances step by step until it is finished."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from after_ray.environment import Execution
from after_ray.stages import FirstRoundStage, NextRoundStage, Stage, rounds
from after_ray.store import Record


class Work(ABC):
    """The work of one trial; every step leaves its result in the store, so a killed trial loses one step."""

    def __init__(self, stage: Stage, execution: Execution) -> None:
        self.stage = stage
        self.execution = execution

    @abstractmethod
    def advance(self) -> dict[str, Any]:
        """Do one step and return what is worth reporting about it, `done` among it."""


class SingleStage(Work):
    """Work that is one stage and one step."""

    def advance(self) -> dict[str, Any]:
        """Compute the stage unless its record stands already."""
        from after_ray.execution import run

        record = run(self.stage, self.execution)
        return {"done": True, "key": record.key, **warned(record, self.stage)}


def warned(record: Record, stage: Stage) -> dict[str, str]:
    """What whoever watches should be warned of: a model that says one class for everything."""
    if not record.details.get("collapsed") or not isinstance(stage, FirstRoundStage | NextRoundStage):
        return {}
    first = rounds(stage)[0]
    assert isinstance(first, FirstRoundStage)
    place = f"fold {first.fold.index}, seed {first.seed}, {stage.size} labelled, round {record.key[:8]}"
    told = f"says '{_only_class(record)}' for every test utterance, so its UA of"
    chance = 100 * float(record.measures["ua"] or 0)
    return {"warned": f"{first.classifier.name} ({place}) {told} {chance:.1f} % is chance"}


def _only_class(record: Record) -> str:
    """The class that every test utterance was taken for."""
    columns = zip(record.details["classes"], *record.details["confusion"], strict=True)
    return str(next(name for name, *counts in columns if any(counts)))
