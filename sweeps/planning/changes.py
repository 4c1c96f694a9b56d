"""What a plan makes of work that is there: what is done, what goes on, what is new, what has to run again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields, replace

from after_ray.stages import NextRoundStage
from after_ray.store.ledger import Ledger
from after_ray.wording import counted, first_of
from sweeps.planning.plan import Plan
from sweeps.planning.trajectories import Axes, Trajectory
from sweeps.planning.unused import Unused, unused


@dataclass(frozen=True)
class Inserted:
    """Points of a schedule that were put between others, and the points after them, which run again."""

    points: tuple[float, ...]
    again: tuple[float, ...]


@dataclass(frozen=True)
class Changes:
    """How many trajectories are done, go on after a finished round, or begin; and why.

    Attributes:
        done, going_on, new: trajectories.
        inserted: points put between others -> trajectories that run what follows them again.
        values: by axis the values that nothing but round 0 was run of, where others were run.
        unused: finished results of other settings, that a plan does not use.
    """

    done: int
    going_on: int
    new: int
    inserted: dict[Inserted, int]
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unused: tuple[Unused, ...] = ()

    def sentences(self) -> list[str]:
        """What a person is told; nothing where there is nothing to tell."""
        others = [one.sentence() for one in self.unused]
        if not (self.done or self.going_on):
            return others
        told = [
            f"{counted(self.done, 'trajectory', 'trajectories')} done, {self.going_on} going on from a "
            f"finished round, {self.new} new"
        ]
        if self.values:
            each = (f"{axis} {first_of(values)}" for axis, values in self.values.items())
            told.append(f"new: {'; '.join(each)}")
        return told + [_in_words(inserted, count) for inserted, count in self.inserted.items()] + others


def changes(plan: Plan, done: Collection[str], ledger: Ledger | None = None) -> Changes:
    """Compare a plan with the keys that have a record.

    `ledger`: has the records of other settings, which are not looked for without it.
    """
    found = [(trajectory, _found(trajectory, done)) for trajectory in plan.trajectories]
    inserted: dict[Inserted, int] = {}
    for trajectory, count in found:
        if 0 < count < len(trajectory.stages) and (points := _inserted(trajectory, count, done)) is not None:
            inserted[points] = inserted.get(points, 0) + 1
    finished = sum(count == len(trajectory.stages) for trajectory, count in found)
    new = sum(count == 0 for _, count in found)
    others = () if ledger is None else tuple(unused(plan, done, ledger))
    return Changes(finished, len(found) - finished - new, new, inserted, _new_values(found), others)


def _new_values(found: Sequence[tuple[Trajectory, int]]) -> dict[str, tuple[str, ...]]:
    """By axis the values that only trajectories have which were not begun; round 0 alone is no beginning."""
    fresh = [one.axes for one, count in found if count <= 1 and count < len(one.stages)]
    begun = [one.axes for one, count in found if count > 1 or count == len(one.stages)]
    if not begun:
        return {}
    values: dict[str, tuple[str, ...]] = {}
    for axis in (each.name for each in fields(Axes) if each.name != "pretrained"):
        known = {getattr(axes, axis) for axes in begun}
        new = dict.fromkeys(getattr(axes, axis) for axes in fresh)
        if told := tuple(str(value) for value in new if value not in known):
            values[axis] = told
    return values


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
