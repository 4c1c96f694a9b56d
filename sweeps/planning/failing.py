"""Failures of studies, grouped by cause: a sentence, how many stages and cells, where the traces are."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from after_ray.store import Failure
from sweeps.planning.counting import Together
from sweeps.planning.plan import Plan


@dataclass(frozen=True)
class Cause:
    """Failures that say the same but for their numbers.

    `cells`: missing cells that rest on one of them. `quarantined`: how many failed too often to be run again
    unasked. `waiting`: keys of the trajectories that are not run because of those, though nothing of their
    own failed, with the key of the stage that each waits for.
    """

    sentence: str
    failures: tuple[Failure, ...]
    cells: int
    waiting: Mapping[str, str] = field(default_factory=dict)

    @property
    def quarantined(self) -> int:
        """How many of the failures a launch passes over."""
        return sum(failure.quarantined for failure in self.failures)

    @property
    def logs(self) -> tuple[str, ...]:
        """Where the traces are, relative to the store."""
        return tuple(failure.log for failure in self.failures if failure.log)


def causes(plans: Sequence[Plan], failures: Mapping[str, Failure], done: Collection[str]) -> list[Cause]:
    """The failures of what plans ask for and miss, those that cost most cells first."""
    plan = Together(plans)
    groups: dict[str, list[Failure]] = {}
    for key, failure in failures.items():
        if key in plan.keys and key not in done:
            groups.setdefault(_told(failure.sentence), []).append(failure)
    found = [
        Cause(group[0].sentence, tuple(group), _cells(plan, done, group), _waiting(plan, done, group))
        for group in groups.values()
    ]
    return sorted(found, key=lambda cause: -cause.cells)


def _waiting(plan: Together, done: Collection[str], group: Sequence[Failure]) -> dict[str, str]:
    return plan.waiting(done, [failure.key for failure in group if failure.quarantined])


def _cells(plan: Together, done: Collection[str], group: Sequence[Failure]) -> int:
    return sum(1 for _ in plan.failing(done, [failure.key for failure in group]))


def _told(sentence: str) -> str:
    """What a sentence says, whatever numbers, keys and names of temporary files are in it."""
    return re.sub(r"\b[0-9a-f]{8,}\b|\d+(\.\d+)?(e[+-]?\d+)?", "#", sentence)
