"""A trial that runs one trajectory: one active-learning run through all its ratios."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from after_ray.stages import FirstRoundStage, NextRoundStage
from trainables._work import Work, warned

if TYPE_CHECKING:
    from after_ray.execution.rounds import Trajectory


class TrajectoryWork(Work):
    """One round per step; rounds that have a record are passed over without a step of their own."""

    def advance(self) -> dict[str, Any]:
        """Find what is finished, then run the next missing round."""
        trajectory = self._trajectory
        before, newest = trajectory.found(), {}
        if not trajectory.finished:
            round_now = trajectory.stages[trajectory.done]
            newest = warned(trajectory.advance(), round_now)
        return {
            "done": trajectory.finished,
            "key": self.stage.key,
            "rounds": trajectory.done,
            "found": before,
            **newest,
        }

    @cached_property
    def _trajectory(self) -> Trajectory:
        from after_ray.execution.rounds import Trajectory

        assert isinstance(self.stage, FirstRoundStage | NextRoundStage)
        return Trajectory(self.stage, self.execution)
