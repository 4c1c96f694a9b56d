"""Trajectories of several parts as those of one study: each once, and no two of one name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from after_ray.errors import AfterRayError
from sweeps.planning.trajectories import Trajectory


class TwoOfOneName(AfterRayError):
    """Two different runs of one study that its tables could not tell apart."""

    def __init__(self, one: Trajectory, other: Trajectory) -> None:
        axes = one.axes
        name = f"{axes.corpus}, {axes.method}, {axes.adaptation}, {axes.strategy}, {axes.initialization}"
        super().__init__(
            f"Two parts ask for {name} in two ways, at {_percents(one)} and at {_percents(other)} % of "
            "train, and tables tell runs apart by their axes alone; give both one schedule (a beginning of "
            "the other's will do) and the same frame_losses, or make two studies of them."
        )


def joined(trajectories: Iterable[Trajectory]) -> tuple[Trajectory, ...]:
    """Each trajectory once, with the cells of all parts that have it.

    One that is the beginning of another is a part of that.

    Raises:
        TwoOfOneName: when two of the same axes are none of each other.
    """
    unique: dict[str, Trajectory] = {}
    for trajectory in trajectories:
        known = unique.setdefault(trajectory.key, trajectory)
        unique[trajectory.key] = replace(known, reported=known.reported | trajectory.reported)
    named: dict[object, Trajectory] = {}
    for trajectory in unique.values():
        known = named.get(trajectory.axes, trajectory)
        named[trajectory.axes] = known if known is trajectory else _of_both(known, trajectory)
    return tuple(named.values())


def _of_both(one: Trajectory, other: Trajectory) -> Trajectory:
    """The longer of two trajectories, of which the other is the beginning."""
    short, long = sorted((one, other), key=lambda each: len(each.percents))
    if short.key not in {stage.key for stage in long.stages}:
        raise TwoOfOneName(one, other)
    return replace(long, reported=long.reported | short.reported)


def _percents(trajectory: Trajectory) -> str:
    return ", ".join(f"{percent:g}" for percent in trajectory.percents)
