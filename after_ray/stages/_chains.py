"""What stages rest on."""

from __future__ import annotations

from collections.abc import Iterator

from after_ray.stages._base import Stage
from after_ray.stages._rounds import FirstRoundStage, NextRoundStage
from after_ray.stages._shared import AudioStage, FoldsStage, SelectionsStage

MADE_BY_DRIVER = (AudioStage, FoldsStage, SelectionsStage)


def foundations(stage: Stage) -> Iterator[Stage]:
    """Every stage that `stage` rests on and that is no round: of a chain, what all of its rounds rest on."""
    return (each for each in ancestors(stage) if not isinstance(each, FirstRoundStage | NextRoundStage))


def collect(stage: Stage, found: dict[str, Stage]) -> None:
    """Add a stage and all that it rests on to what was found, what is needed before what needs it."""
    for needed in stage.needs():
        if needed.key not in found:
            collect(needed, found)
    found.setdefault(stage.key, stage)


def ancestors(stage: Stage) -> Iterator[Stage]:
    """Every stage that `stage` rests on, nearest first, each once."""
    seen: set[str] = set()
    waiting = list(stage.needs())
    while waiting:
        current = waiting.pop(0)
        if current.key not in seen:
            seen.add(current.key)
            yield current
            waiting.extend(current.needs())
