"""What a plan makes of work that is there: what is done, what goes on, what is new, what has to run again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from after_ray.stages import NextRoundStage
from after_ray.wording import counted
from sweeps.planning.plan import Plan, Trajectory


@dataclass(frozen=True)
class Inserted:
    """Points of a schedule that were put between others, and the points after them, which run again."""

    points: tuple[float, ...]
    again: tuple[float, ...]


@dataclass(frozen=True)
class Changes:
    """How many trajectories are done, go on after a finished round, or begin; and what was inserted."""

    done: int
    going_on: int
    new: int
    inserted: dict[Inserted, int]

    def sentences(self) -> list[str]:
        """What a person is told; nothing where there is nothing to tell."""
        if not (self.done or self.going_on):
            return []
        told = [
            f"{counted(self.done, 'trajectory', 'trajectories')} done, {self.going_on} going on from a "
            f"finished round, {self.new} new"
        ]
        return told + [_in_words(inserted, count) for inserted, count in self.inserted.items()]


def changes(plan: Plan, done: Collection[str]) -> Changes:
    """Compare a plan with the keys that have a record."""
    found = [(trajectory, _found(trajectory, done)) for trajectory in plan.trajectories]
    inserted: dict[Inserted, int] = {}
    for trajectory, count in found:
        if 0 < count < len(trajectory.stages) and (points := _inserted(trajectory, count, done)) is not None:
            inserted[points] = inserted.get(points, 0) + 1
    finished = sum(count == len(trajectory.stages) for trajectory, count in found)
    new = sum(count == 0 for _, count in found)
    return Changes(finished, len(found) - finished - new, new, inserted)


def _found(trajectory: Trajectory, done: Collection[str]) -> int:
    """Number of rounds from round 0 on that have a record."""
    missing = (index for index, stage in enumerate(trajectory.stages) if stage.key not in done)
    return next(missing, len(trajectory.stages))


def _inserted(trajectory: Trajectory, found: int, done: Collection[str]) -> Inserted | None:
    """Points after the last finished round without which the next one would have a record."""
    last = trajectory.stages[found - 1]
    for index in range(found + 1, len(trajectory.stages)):
        stage = trajectory.stages[index]
        if isinstance(stage, NextRoundStage) and replace(stage, previous=last).key in done:
            return Inserted(trajectory.percents[found:index], trajectory.percents[index:])
    return None


def _in_words(inserted: Inserted, trajectories: int) -> str:
    points = ", ".join(f"{point:g}" for point in inserted.points)
    again = ", ".join(f"{point:g}" for point in inserted.again)
    many = counted(trajectories, "trajectory", "trajectories")
    return (
        f"{points} % is new between points that were run: {many} "
        f"run {again} % again, since what is picked there follows from it"
    )
