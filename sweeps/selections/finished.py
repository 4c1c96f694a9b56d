"""The one finished round that a command means."""

from __future__ import annotations

from dataclasses import dataclass

from after_ray.errors import AfterRayError
from after_ray.stages import FirstRoundStage, NextRoundStage
from after_ray.store import Record
from after_ray.wording import first_of
from sweeps.planning.opening import OpenStudy
from sweeps.planning.trajectories import Trajectory
from sweeps.selections.choosing import KEY, OPTION, SeveralTrajectories, trajectory_of


class NotTrained(AfterRayError):
    """A round that has no model yet."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} is not trained yet, so that there is no model; {remedy}.")


class NoSuchRatio(AfterRayError):
    """A ratio that is none of a trajectory's, or another one than that of the key given."""

    def __init__(self, ratio: float, allowed: str) -> None:
        super().__init__(f"--ratio {ratio:g}: allowed is {allowed}, in percent of train.")


@dataclass(frozen=True)
class FinishedRound:
    """A round that has a record, and where it is in its trajectory."""

    opened: OpenStudy
    trajectory: Trajectory
    number: int

    @property
    def stage(self) -> FirstRoundStage | NextRoundStage:
        """The round itself."""
        return self.trajectory.stages[self.number]

    @property
    def percent(self) -> float:
        """Its ratio."""
        return self.trajectory.percents[self.number]

    @property
    def record(self) -> Record:
        """What is recorded of it."""
        return self.opened.store.need(self.stage.key)


def finished_round(
    opened: OpenStudy, cell: str | None, ratio: float | None, remedy: str | None = None
) -> FinishedRound:
    """The round of a cell and a ratio: that which a key names, or the last one that is trained.

    `remedy`: what to do where it is not trained; else the study is to be run.

    Raises:
        SeveralTrajectories: when a cell means several, or none is named and there are several.
        BadSelection: when a cell means none.
        NoSuchRatio: when the trajectory has no such ratio.
        NotTrained: when the round has no record.
    """
    trajectory = _trajectory(opened, cell)
    finished = opened.store.ledger.finished()
    done = [number for number, stage in enumerate(trajectory.stages) if stage.key in finished]
    number = _number(trajectory, cell, ratio)
    remedy = remedy or f"run: {opened.command_here('run')}"
    if number is None:
        if not done:
            raise NotTrained("The first round of this trajectory", remedy)
        number = done[-1]
    if number not in done:
        raise NotTrained(f"Round {number} ({trajectory.percents[number]:g} % of train)", remedy)
    return FinishedRound(opened, trajectory, number)


def _trajectory(opened: OpenStudy, cell: str | None) -> Trajectory:
    if cell is not None:
        return trajectory_of(opened.plan, cell)
    all_of_them = opened.plan.trajectories
    if len(all_of_them) > 1:
        raise SeveralTrajectories("(not given)", all_of_them)
    return all_of_them[0]


def _number(trajectory: Trajectory, cell: str | None, ratio: float | None) -> int | None:
    """The round that a key or a ratio names; None where neither does."""
    named = None
    if cell is not None and KEY.fullmatch(cell.strip()):
        keys = [stage.key for stage in trajectory.stages]
        named = next((n for n, key in enumerate(keys) if key.startswith(cell.strip())), None)
    if ratio is None:
        return named
    there = [n for n, percent in enumerate(trajectory.percents) if percent == ratio]
    if not there:
        raise NoSuchRatio(ratio, first_of([f"{percent:g}" for percent in trajectory.percents], 20))
    if named is not None and named != there[0]:
        raise NoSuchRatio(
            ratio, f"{trajectory.percents[named]:g}, the ratio of the round that {OPTION} names"
        )
    return there[0]
