"""What plans will take, planned together and as independent trials: hours, GPU-hours, storage, wall-clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from after_ray.manifest import Manifest
from after_ray.stages import MADE_BY_DRIVER, FirstRoundStage, NextRoundStage, Stage
from after_ray.store import Store
from after_ray.store.reading import Finds
from after_ray.wording import counted
from sweeps.cost.clips import Corpora
from sweeps.cost.naive import Naive, naive_seconds
from sweeps.cost.observed import Seen, look
from sweeps.cost.rates import Line, Place, Rates
from sweeps.cost.startup import Startup, startup_of
from sweeps.cost.storage import Storage, storage_of
from sweeps.cost.work import NO_WORK, Phase, Works, choice_of
from sweeps.planning.jobs import Job, jobs_of, kind_of, taken
from sweeps.planning.plan import Plan
from sweeps.scheduling.schedule import Capacity, Schedule, simulate, tasks_of
from sweeps.study.declaration import Resources

HOUR = 3600.0
KINDS = ("adaptation", "features", "pretraining", "frame_losses", "first_round", "trajectory")
SHORT = 0.01  # share of all seconds below which something unmeasured does not make an estimate a mixed one


Basis = Literal["measured", "mixed", "assumed"]


@dataclass(frozen=True)
class StageCost:
    """One stage: how long it takes in its trial, what that trial takes, and whether it is done.

    `known`: those of its seconds that rest on measurements. `error`: seconds by which those are expected to
    be off, as far as `judged` of them can be told.
    """

    kind: str
    seconds: float
    known: float
    judged: float
    error: float
    resources: Resources
    done: bool

    @property
    def basis(self) -> Basis:
        """Whether its seconds rest on measurements, on assumed rates, or on both."""
        return _basis([self])


def _basis(costs: Collection[StageCost]) -> Basis:
    seconds, known = sum(cost.seconds for cost in costs), sum(cost.known for cost in costs)
    if known >= (1 - SHORT) * seconds:
        return "measured"
    return "mixed" if known > SHORT * seconds else "assumed"


@dataclass(frozen=True)
class Hours:
    """Trial-hours, and what the trials hold for as long: GPU-hours and core-hours."""

    trials: float
    gpu: float
    cpu: float

    @classmethod
    def of(cls, costs: Iterable[StageCost]) -> Hours:
        """Of stages."""
        trials = gpu = cpu = 0.0
        for cost in costs:
            trials += cost.seconds / HOUR
            gpu += cost.seconds * cost.resources.gpu / HOUR
            cpu += cost.seconds * cost.resources.cpu / HOUR
        return cls(trials, gpu, cpu)


@dataclass(frozen=True)
class Estimate:
    """What plans take.

    Attributes:
        stages: every distinct stage that a trial makes, by key.
        jobs: the trials that are left.
        naive: the seconds of independent trials, by kind of stage.
        lines: how fast each group of work is, and on what that rests.
        storage: bytes of everything that the plans leave in a store.
        startup: of the launch that does what is left.
    """

    stages: Mapping[str, StageCost]
    jobs: Mapping[str, Job]
    naive: Naive
    lines: Mapping[str, Line]
    storage: Storage
    startup: Startup

    @cached_property
    def planned(self) -> Hours:
        """Every distinct stage once, done or not."""
        return Hours.of(self.stages.values())

    @cached_property
    def left(self) -> Hours:
        """What is missing."""
        return Hours.of(cost for cost in self.stages.values() if not cost.done)

    @property
    def ratio(self) -> float | None:
        """Naive to planned hours; None where nothing is planned."""
        return self.naive.hours / self.planned.trials if self.planned.trials else None

    @cached_property
    def by_kind(self) -> dict[str, tuple[float, float]]:
        """Naive and planned hours of each kind of stage: what sharing each of them saves."""
        planned = {
            kind: Hours.of(cost for cost in self.stages.values() if cost.kind == kind).trials
            for kind in KINDS
        }
        return {
            kind: (self.naive.by_kind.get(kind, 0.0) / HOUR, hours)
            for kind, hours in planned.items()
            if hours
        }

    @cached_property
    def basis(self) -> Basis:
        """Whether the hours rest on measurements, on assumed rates, or on both."""
        return _basis(self.stages.values())

    @cached_property
    def error(self) -> float | None:
        """Expected relative error of what is left and measured; None where it cannot be told."""
        left = [cost for cost in self.stages.values() if not cost.done]
        judged = sum(cost.judged for cost in left)
        return sum(cost.error for cost in left) / judged if judged else None

    def seconds_of(self, job: Job) -> float:
        """How long a job takes."""
        return sum(self.stages[key].seconds for key in job.gives)

    def schedule(self, capacity: Capacity) -> Schedule:
        """What is left on so many cores and GPUs, longest chains first."""
        return simulate(
            tasks_of(self.jobs, {key: cost.seconds for key, cost in self.stages.items()}), capacity
        )

    def wall_seconds(self, capacity: Capacity) -> float:
        """From the launch until nothing is left, its start-up included; 0 where nothing is left."""
        return self.startup.seconds + self.schedule(capacity).makespan if self.jobs else 0.0

    def numbers(self) -> dict[str, float | str | None]:
        """What `plan --json` prints of it."""
        return {
            "naive_hours": self.naive.hours,
            "planned_hours": self.planned.trials,
            "ratio": self.ratio,
            "left_hours": self.left.trials,
            "gpu_hours": self.planned.gpu,
            "cpu_hours": self.planned.cpu,
            "left_gpu_hours": self.left.gpu,
            "left_cpu_hours": self.left.cpu,
            "storage_bytes": self.storage.total,
            "startup_seconds": self.startup.seconds,
            "basis": self.basis,
            "error": self.error,
        }

    def rests_on(self) -> list[str]:
        """For each step of the work one clause on what its speed rests on."""
        return [f"{what}: {_told(line)}" for what, line in sorted(self.lines.items())]


def estimate(
    plans: Sequence[Plan],
    manifests: Iterable[Manifest],
    store: Store,
    done: Collection[str],
    gpu: str = "A100",
    records: Finds | None = None,
) -> Estimate:
    """Estimate one or several plans, planned together.

    Args:
        plans: what is asked for.
        manifests: of their corpora, in any order.
        store: whose records say how fast this work is.
        done: keys that have a record.
        gpu: the GPU to assume where nothing was measured on one.
        records: finds those of the plans' own stages; the store by default.

    Raises:
        UnknownName: for a GPU of which nothing is known.
    """
    corpora = Corpora(plans, manifests)
    works = Works(corpora)
    seen = look(plans, works, store, done, records)
    costs = _Costs(works, Rates(seen.observations, gpu), seen, done)
    stages = costs.of_all(plans)
    return Estimate(
        stages,
        jobs_of(plans, done),
        naive_seconds(plans, {key: cost.seconds for key, cost in stages.items()}),
        costs.lines,
        storage_of(plans, works, corpora, seen.records),
        startup_of(store),
    )


def _told(line: Line) -> str:
    if not line.records:
        return (
            "not counted, not measured"
            if not line.per_operation
            else f"assumed of {line.device}, not measured"
        )
    trials, short = line.records - line.short_runs, line.short_runs
    each = ((trials, "record"), (short, "short run"))
    count = " and ".join(counted(number, what) for number, what in each if number)
    error = "" if line.error is None else f", off by {line.error:.0%} in the median"
    similar = "" if line.alike else " of similar work"
    return f"measured, {count}{similar} on {line.device}{error}"


def _is_work(phase: Phase) -> bool:
    """Whether there is something to say even where nothing was measured: a draw takes no time."""
    return phase.group != choice_of(NO_WORK)


_Told = tuple[float, float, float, float]  # of a stage: seconds, known, judged, error


class _Costs:
    """Seconds of stages: work by rate; those of a record that was read are its own."""

    def __init__(self, works: Works, rates: Rates, seen: Seen, done: Collection[str]) -> None:
        self.lines: dict[str, Line] = {}
        self._works, self._rates, self._records, self._done = works, rates, seen.records, done
        self._rounds: dict[tuple[int, Place], _Told] = {}

    def of_all(self, plans: Sequence[Plan]) -> dict[str, StageCost]:
        """Every stage that a trial makes; one that several plans need takes what the first of them says."""
        found: dict[str, StageCost] = {}
        for plan in plans:
            for stage in plan.shared.values():
                if stage.key not in found and not isinstance(stage, MADE_BY_DRIVER):
                    found[stage.key] = self._cost(stage, taken(stage, plan.study.resources))
            for trajectory in plan.trajectories:
                resources = taken(trajectory.first, plan.study.resources)
                for round_ in trajectory.stages:
                    if round_.key not in found:
                        found[round_.key] = self._cost(round_, resources)
        return found

    def _cost(self, stage: Stage, resources: Resources) -> StageCost:
        kind, record = kind_of(stage), self._records.get(stage.key)
        if record is not None:
            total = record.seconds["total"]
            return StageCost(kind, total, total, 0.0, 0.0, resources, True)
        told = self._told(stage, Place.of(resources))
        return StageCost(kind, *told, resources, stage.key in self._done)

    def _told(self, stage: Stage, place: Place) -> _Told:
        work = self._works.of(stage)
        if not isinstance(stage, FirstRoundStage | NextRoundStage):
            return self._summed(work, place)
        key = (id(work), place)  # of rounds the same object stands for all that are alike
        if key not in self._rounds:
            self._rounds[key] = self._summed(work, place)
        return self._rounds[key]

    def _summed(self, work: Iterable[Phase], place: Place) -> _Told:
        total = known = judged = error = 0.0
        for phase in work:
            seconds = self._rates.seconds(phase, place)
            line = self._rates.line(phase.group, place)
            total += seconds
            if seconds or line.records or (phase.operations and _is_work(phase)):
                self.lines[f"{phase.group.what} on {place.device}"] = line
            known += seconds if line.records else 0.0
            if line.error is not None:
                judged += seconds
                error += seconds * line.error
        return total, known, judged, error
