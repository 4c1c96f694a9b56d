"""What a plan is made of: trajectories, each with its axes and its chain of rounds, and their cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from after_ray.stages import FirstRoundStage, NextRoundStage, rounds

NO_STRATEGY = "none"  # the strategy of a trajectory that has only round 0 (a fully supervised run)


@dataclass(frozen=True)
class Axes:
    """The place of a trajectory in its study; names for people, all of them in every table."""

    corpus: str
    method: str
    adaptation: str
    strategy: str
    initialization: str
    restart: str
    fold: int
    seed: int
    pretrained: bool
    annotation: str = "corpus"
    label_noise: str = "0"


@dataclass(frozen=True)
class Trajectory:
    """One active-learning run: its axes and its chain of rounds, each with its percent of train.

    `reported`: the percents among them that are cells.
    """

    axes: Axes
    percents: tuple[float, ...]
    last: FirstRoundStage | NextRoundStage
    reported: frozenset[float]

    @property
    def key(self) -> str:
        """The key of the last round, which contains all the others'."""
        return self.last.key

    @cached_property
    def stages(self) -> tuple[FirstRoundStage | NextRoundStage, ...]:
        """The rounds, round 0 first."""
        return rounds(self.last)

    @property
    def first(self) -> FirstRoundStage:
        """Round 0."""
        first = self.stages[0]
        assert isinstance(first, FirstRoundStage)
        return first


@dataclass(frozen=True)
class Cell:
    """One number-bearing point of a study: a trajectory at one reported ratio."""

    axes: Axes
    percent: float
    size: int
    key: str
    trial: str
