"""What the same cells take as independent trials: a shell loop in which nobody shares anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from after_ray.stages import AdaptationStage, FeaturesStage, FirstRoundStage, ancestors
from sweeps.planning.counting import Together
from sweeps.planning.plan import Plan, Trajectory

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
    below: dict[str, tuple[float, float]] = {}
    reached: dict[str, float] = {}
    total: defaultdict[str, float] = defaultdict(float)
    for trajectory in together.trajectories.values():
        _reach(trajectory, seconds, reached)
        first = trajectory.first
        if first.key not in below:
            below[first.key] = _foundations(first, seconds)
    for cell in together.cells:
        first = together.trajectories[cell.trial].first
        adaptation, features = below[first.key]
        total["adaptation"] += adaptation
        total["features"] += features
        total["first_round"] += seconds[first.key]
        total["trajectory"] += reached[cell.key]
    return Naive(dict(total), len(together.cells))


def _reach(trajectory: Trajectory, seconds: Mapping[str, float], reached: dict[str, float]) -> None:
    """For each round the seconds of all rounds after round 0 up to it."""
    so_far = 0.0
    for number, stage in enumerate(trajectory.stages):
        so_far += seconds[stage.key] if number else 0.0
        reached[stage.key] = so_far


def _foundations(first: FirstRoundStage, seconds: Mapping[str, float]) -> tuple[float, float]:
    """Seconds of the adaptation, and of the features."""
    of_kind = {
        kind: sum(seconds[stage.key] for stage in ancestors(first) if isinstance(stage, kind))
        for kind in (AdaptationStage, FeaturesStage)
    }
    return of_kind[AdaptationStage], of_kind[FeaturesStage]
