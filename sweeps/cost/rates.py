"""How fast work is done: seconds = overhead + operations / rate, fitted to what was measured.

What was measured nowhere has an assumed rate, and everything that rests on it says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sweeps.cost.assumed import assumed_rate
from sweeps.cost.work import Group, Phase
from sweeps.study.declaration import Resources

ENOUGH = 3  # records that a group must have before wider ones are left alone
MOST = 40  # records of a group that are looked at
ALIKE = 1.1  # largest to smallest work that is one size: it says nothing of an overhead
WITHOUT_ASSUMPTION = ("choose by", "rest of")  # steps that count only where they were measured

Basis = Literal["measured", "assumed"]


@dataclass(frozen=True)
class Place:
    """Where a trial runs: cpu or cuda, its threads, and how many trials share its GPU."""

    device: str
    threads: int
    shared_by: int = 1  # of processors always 1: how many trials share them is not planned

    @classmethod
    def of(cls, resources: Resources) -> Place:
        """Where trials with these resources run."""
        if resources.gpu == 0:
            return cls("cpu", resources.cpu)
        return cls("cuda", resources.cpu, int(1 / resources.gpu) if resources.gpu < 1 else 1)


@dataclass(frozen=True)
class Observation:
    """One measured phase: what it was, how much, how long it took, and where; by a `trial` or a short run."""

    group: Group
    operations: float
    seconds: float
    place: Place
    device_name: str
    trial: bool = True


@dataclass(frozen=True)
class Line:
    """How long work of one group takes.

    Attributes:
        overhead: seconds, whatever the work.
        per_operation: seconds.
        records: that it was fitted to; 0 when it is assumed.
        device: what they were measured on, or what is assumed.
        error: median absolute relative error of leaving one record out; None with fewer than three of trials.
        short_runs: those of the records that no trial made, which had the machine for themselves.
        alike: whether the records are of this very group, and not of a similar one.
    """

    overhead: float
    per_operation: float
    records: int = 0
    device: str = ""
    error: float | None = None
    alike: bool = True
    short_runs: int = 0

    @property
    def basis(self) -> Basis:
        """Whether anything of it was measured."""
        return "measured" if self.records else "assumed"

    def seconds(self, operations: float) -> float:
        """How long so much work takes."""
        return self.overhead + self.per_operation * operations


class Rates:
    """What is known of speeds.

    Args:
        observations: what was measured, in any order.
        gpu: the model of GPU that is assumed where nothing was measured on one.
        devices: by cpu or cuda the name of the device that is meant; by default the one measured most.
    """

    def __init__(
        self, observations: Iterable[Observation], gpu: str = "A100", devices: dict[str, str] | None = None
    ) -> None:
        kept = list(observations)
        usual = Counter((seen.place.device, seen.device_name) for seen in kept)
        self._devices = {kind: name for (kind, name), _ in reversed(usual.most_common())} | (devices or {})
        self._gpu = gpu
        self._levels: tuple[dict[object, list[Observation]], ...] = ({}, {}, {})
        for seen in kept:
            if seen.device_name == self._devices[seen.place.device]:
                for level, key in zip(self._levels, _keys(seen.group, seen.place), strict=True):
                    level.setdefault(key, []).append(seen)
        self._lines: dict[tuple[Group, Place], Line] = {}

    def line(self, group: Group, place: Place) -> Line:
        """How long work of a group takes there: from the records nearest to it, else as is assumed."""
        key = (group, place)
        if key not in self._lines:
            self._lines[key] = self._fitted(group, place) or self._assumed(group, place)
        return self._lines[key]

    def seconds(self, phase: Phase, place: Place) -> float:
        """How long a phase takes there; nothing where there is nothing to do."""
        if phase.operations == 0 and phase.name != "rest":
            return 0.0
        return self.line(phase.group, place).seconds(phase.operations)

    def _fitted(self, group: Group, place: Place) -> Line | None:
        keys = _keys(group, place)
        found = [level.get(key, []) for level, key in zip(self._levels, keys, strict=True)]
        seen = next((some for some in found if len(some) >= ENOUGH), None)
        seen = seen or next((some for some in found if some), None)
        if not seen:
            return None
        return fitted(seen, alike=seen is found[0])

    def _assumed(self, group: Group, place: Place) -> Line:
        if group.what.startswith(WITHOUT_ASSUMPTION):
            return Line(0.0, 0.0, device="not counted")
        rate, device = assumed_rate(place.device, place.threads, group.precision, self._gpu)
        return Line(0.0, 1 / rate, device=device)


def _keys(group: Group, place: Place) -> tuple[object, object, object]:
    """What alike records share, from the nearest to those of another backbone, whose operations scale."""
    wide = (group.what, group.precision, place)
    return (group, place), (*wide, group.shape), wide


def fitted(seen: Sequence[Observation], alike: bool = True) -> Line:
    """The line through records of one group: the median of the slopes between any two of them."""
    thinned = seen[:: -(-len(seen) // MOST)]
    work = np.array([one.operations for one in thinned], dtype=np.float64)
    seconds = np.array([one.seconds for one in thinned], dtype=np.float64)
    overhead, slope = _line(work, seconds)
    short = sum(not one.trial for one in seen)
    error = _error(work, seconds) if len(seen) - short >= ENOUGH else None
    return Line(overhead, slope, len(seen), seen[0].device_name, error, alike, short)


def _line(work: NDArray[np.float64], seconds: NDArray[np.float64]) -> tuple[float, float]:
    """Overhead and slope, none below 0."""
    positive = work > 0
    if not positive.any():
        return float(np.median(seconds)), 0.0
    if work.max() <= ALIKE * work.min():
        return 0.0, float(np.median(seconds[positive] / work[positive]))
    first, second = np.triu_indices(len(work), 1)
    apart = np.abs(work[first] - work[second]) > (ALIKE - 1) * np.minimum(work[first], work[second])
    first, second = first[apart], second[apart]
    slope = float(np.median((seconds[first] - seconds[second]) / (work[first] - work[second])))
    if slope <= 0:  # longer work was measured faster: an overhead and nothing else
        return float(np.median(seconds)), 0.0
    overhead = float(np.median(seconds - slope * work))
    if overhead >= 0:
        return overhead, slope
    return 0.0, float(np.median(seconds[positive] / work[positive]))


def _error(work: NDArray[np.float64], seconds: NDArray[np.float64]) -> float | None:
    """Of predicting each record from the others; None where these are too few to make a line."""
    if len(work) < ENOUGH:
        return None
    errors = []
    for index in range(len(work)):
        rest = np.arange(len(work)) != index
        overhead, slope = _line(work[rest], seconds[rest])
        if seconds[index] > 0:
            errors.append(abs(overhead + slope * work[index] - seconds[index]) / seconds[index])
    return float(np.median(errors)) if errors else None
