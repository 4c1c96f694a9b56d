"""What the same cells take as independent trials: a shell loop in which nobody shares anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from after_ray.stages import MADE_BY_DRIVER, Stage, foundations
from sweeps.planning.counting import Together
from sweeps.planning.plan import Plan
from sweeps.planning.trajectories import Trajectory

HOUR = 3600.0


@dataclass(frozen=True)
class Naive:
    """Seconds of independent trials, by kind of stage, and how many trials they are."""

    by_kind: Mapping[str, float]
    trials: int

    @property
    def hours(self) -> float:
        """Of all of them."""
        return sum(self.by_kind.values()) / HOUR


def naive_seconds(plans: Sequence[Plan], seconds: Mapping[str, float]) -> Naive:
    """Every cell as one trial: its own adaptation, its own features, its own run from nothing to its ratio.

    A cell that several of the plans report is one trial.

    Args:
        plans: what is asked for.
        seconds: of every stage that a trial makes, by key.
    """
    together = Together(plans)
    below: dict[tuple[str, str], Mapping[str, float]] = {}
    reached: dict[str, float] = {}
    total: defaultdict[str, float] = defaultdict(float)
    for trajectory in together.trajectories.values():
        _reach(trajectory, seconds, reached)
        for last in (trajectory.first, trajectory.last):
            if (alike := _alike(trajectory, last.key)) not in below:
                below[alike] = _foundations(last, seconds)
    for cell in together.cells:
        trajectory = together.trajectories[cell.trial]
        for kind, taken in below[_alike(trajectory, cell.key)].items():
            total[kind] += taken
        total["first_round"] += seconds[trajectory.first.key]
        total["trajectory"] += reached[cell.key]
    return Naive(dict(total), len(together.cells))


def _reach(trajectory: Trajectory, seconds: Mapping[str, float], reached: dict[str, float]) -> None:
    """For each round the seconds of all rounds after round 0 up to it."""
    so_far = 0.0
    for number, stage in enumerate(trajectory.stages):
        so_far += seconds[stage.key] if number else 0.0
        reached[stage.key] = so_far


def _alike(trajectory: Trajectory, key: str) -> tuple[str, str]:
    """What two rounds share that rest on the same stages: round 0, and of later ones the strategy."""
    first = trajectory.first.key
    return first, "" if key == first else trajectory.axes.strategy


def _foundations(last: Stage, seconds: Mapping[str, float]) -> Mapping[str, float]:
    """Seconds of what the rounds of a chain rest on, by kind."""
    of_kind: defaultdict[str, float] = defaultdict(float)
    for stage in foundations(last):
        if not isinstance(stage, MADE_BY_DRIVER):
            of_kind[stage.kind] += seconds[stage.key]
    return of_kind
