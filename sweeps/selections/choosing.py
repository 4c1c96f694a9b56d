"""The one trajectory that a `--cell` means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields

from after_ray.errors import AfterRayError
from after_ray.wording import counted, first_of
from sweeps.planning.only import BadSelection, Only
from sweeps.planning.plan import Plan
from sweeps.planning.trajectories import Axes, Trajectory

OPTION = "--cell"
KEY = re.compile(r"[0-9a-f]{4,}")
AXES = tuple(axis.name for axis in fields(Axes))


class SeveralTrajectories(AfterRayError):
    """A choice of one trajectory that means more than one."""

    def __init__(self, text: str, trajectories: Sequence[Trajectory]) -> None:
        values = {
            axis: list(dict.fromkeys(str(getattr(t.axes, axis)) for t in trajectories)) for axis in AXES
        }
        differing = {axis: found for axis, found in values.items() if len(found) > 1}
        told = "; ".join(f"{axis} {first_of(found)}" for axis, found in differing.items())
        one = ",".join(f"{axis}={found[0]}" for axis, found in differing.items())
        super().__init__(
            f"{OPTION} '{text}' means {counted(len(trajectories), 'trajectory', 'trajectories')}, which "
            f"differ in {told}; name one value of each, such as {one}."
        )


def trajectory_of(plan: Plan, text: str) -> Trajectory:
    """The trajectory that a text means: axes as `--only` has them, or the beginning of a round's key.

    Raises:
        BadSelection: when it means none.
        SeveralTrajectories: naming the axes in which they differ.
    """
    if KEY.fullmatch(text.strip()):
        found: Sequence[Trajectory] = _by_key(plan, text.strip())
    else:
        found = Only.parse(text, OPTION).of(plan).trajectories
    if len(found) > 1:
        raise SeveralTrajectories(text, found)
    return found[0]


def _by_key(plan: Plan, beginning: str) -> list[Trajectory]:
    found = [t for t in plan.trajectories if any(stage.key.startswith(beginning) for stage in t.stages)]
    if not found:
        allowed = "the beginning of a round's key, as in a report's cells.csv, or axis=value"
        raise BadSelection(beginning, "no round of this study has a key that begins so", allowed, OPTION)
    return found
