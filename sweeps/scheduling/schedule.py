"""How long jobs take on given cores and GPUs: a simulation that hands out the longest chains first.

A job waits for the parts of other jobs that it needs and for nothing else; there is no barrier.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from after_ray.errors import AfterRayError
from sweeps.planning.jobs import Job
from sweeps.scheduling.bounds import lower_bounds

TINY = 1e-9  # of a core or a GPU; shares of a GPU are no exact binary fractions


class NoRoom(AfterRayError):
    """A job that is larger than everything there is."""

    def __init__(self, key: str, takes: tuple[float, float], there_are: tuple[float, float]) -> None:
        super().__init__(
            f"Job {key[:12]} takes {takes[0]:g} cores and {takes[1]:g} GPUs, and the cluster asked about "
            f"has {there_are[0]:g} and {there_are[1]:g}; name a larger one, or lower the study's 'resources'."
        )


@dataclass(frozen=True)
class Capacity:
    """Cores and GPUs that jobs run on."""

    cpus: float
    gpus: float = 0.0


@dataclass(frozen=True)
class Task:
    """A job as the simulation sees it.

    Attributes:
        key: its name.
        seconds: how long it runs.
        needs: by key of another task, how many of its seconds must be over before this one starts.
        cpu, gpu: cores and GPUs that it holds while it runs.
    """

    key: str
    seconds: float
    needs: Mapping[str, float] = field(default_factory=dict)
    cpu: float = 1.0
    gpu: float = 0.0

    @property
    def takes(self) -> tuple[float, float]:
        """Cores and GPUs."""
        return (self.cpu, self.gpu)


@dataclass(frozen=True)
class Schedule:
    """What a simulation found.

    Attributes:
        makespan: seconds until everything is done.
        starts: when each task starts, in the order of their starts.
        bounds: seconds that no order could stay below, by what they count (`lower_bounds`).
    """

    makespan: float
    starts: Mapping[str, float]
    bounds: Mapping[str, float]

    @property
    def bound(self) -> float:
        """The largest of the bounds."""
        return max(self.bounds.values(), default=0.0)


def tasks_of(jobs: Mapping[str, Job], seconds: Mapping[str, float]) -> list[Task]:
    """Jobs as tasks; `seconds` are those of every stage, by key.

    A job that leaves another's path half-way needs the seconds up to the round where they part.
    """
    given: dict[str, tuple[str, float]] = {}
    for job in jobs.values():
        so_far = 0.0
        for stage in job.gives:
            so_far += seconds[stage]
            given[stage] = (job.key, so_far)
    return [
        Task(
            job.key,
            given[job.gives[-1]][1],
            _needed(job, given),
            float(job.resources.cpu),
            job.resources.gpu,
        )
        for job in jobs.values()
    ]


def _needed(job: Job, given: Mapping[str, tuple[str, float]]) -> dict[str, float]:
    needs: dict[str, float] = {}
    for stage in job.needs:
        if stage in given:
            key, offset = given[stage]
            needs[key] = max(offset, needs.get(key, 0.0))
    return needs


def priorities(jobs: Mapping[str, Job], seconds: Mapping[str, float]) -> dict[str, float]:
    """By job's key, seconds of the longest chain of jobs that begins with it."""
    return chains(tasks_of(jobs, seconds))


def chains(tasks: Iterable[Task]) -> dict[str, float]:
    """By key, seconds of the longest chain that begins with a task."""
    by_key = {task.key: task for task in tasks}
    longest = {key: task.seconds for key, task in by_key.items()}
    for key in reversed(_order(by_key)):
        for needed, offset in by_key[key].needs.items():
            longest[needed] = max(longest[needed], offset + longest[key])
    return longest


def heads(tasks: Iterable[Task]) -> dict[str, float]:
    """By key, the earliest second at which a task could start, however many slots there were."""
    by_key = {task.key: task for task in tasks}
    found: dict[str, float] = {}
    for key in _order(by_key):
        needs = by_key[key].needs.items()
        found[key] = max((found[needed] + offset for needed, offset in needs), default=0.0)
    return found


def _order(by_key: Mapping[str, Task]) -> list[str]:
    """What is needed before what needs it."""
    return list(TopologicalSorter({key: task.needs for key, task in by_key.items()}).static_order())


def simulate(tasks: Sequence[Task], capacity: Capacity) -> Schedule:
    """Run tasks as a launch does: whenever something is free, of those ready the one with the longest chain.

    Raises:
        NoRoom: when a task is larger than everything there is.
    """
    for task in tasks:
        if task.cpu > capacity.cpus + TINY or task.gpu > capacity.gpus + TINY:
            raise NoRoom(task.key, task.takes, (capacity.cpus, capacity.gpus))
    starts, makespan = _Simulation(tasks, capacity).run()
    earliest = heads(tasks)
    longest_chain = max(chains(tasks).values(), default=0.0)
    sizes = [(earliest[task.key], task.seconds, task.takes) for task in tasks]
    bounds = lower_bounds(sizes, longest_chain, (capacity.cpus, capacity.gpus))
    return Schedule(makespan, starts, bounds)


class _Simulation:
    """Jumps from event to event: a task ends, or has run as long as another one needs."""

    def __init__(self, tasks: Sequence[Task], capacity: Capacity) -> None:
        self._tasks = {task.key: task for task in tasks}
        self._longest = chains(tasks)
        self._open = {task.key: len(task.needs) for task in tasks}
        self._waiting: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for task in tasks:
            for needed, offset in task.needs.items():
                self._waiting[needed].append((task.key, offset))
        self._free = [capacity.cpus, capacity.gpus]
        self._ready: dict[tuple[float, float], list[tuple[float, int, str]]] = defaultdict(list)
        self._order = {task.key: number for number, task in enumerate(tasks)}
        self._events: list[tuple[float, int, str]] = []  # when, 0 for an end and 1 for a need met, whose

    def run(self) -> tuple[dict[str, float], float]:
        """When each task starts, and when the last one ends."""
        starts: dict[str, float] = {}
        now = 0.0
        for key, missing in self._open.items():
            if not missing:
                self._make_ready(key)
        self._start_what_fits(now, starts)
        while self._events:
            now = self._events[0][0]
            while self._events and self._events[0][0] == now:
                self._happen(*heapq.heappop(self._events)[1:])
            self._start_what_fits(now, starts)
        return starts, now

    def _happen(self, is_need: int, key: str) -> None:
        if is_need:
            self._open[key] -= 1
            if not self._open[key]:
                self._make_ready(key)
            return
        for index, amount in enumerate(self._tasks[key].takes):
            self._free[index] += amount

    def _make_ready(self, key: str) -> None:
        heapq.heappush(self._ready[self._tasks[key].takes], (-self._longest[key], self._order[key], key))

    def _start_what_fits(self, now: float, starts: dict[str, float]) -> None:
        while True:
            fitting = [queue[0] for takes, queue in self._ready.items() if queue and self._fits(takes)]
            if not fitting:
                return
            key = min(fitting)[2]
            task = self._tasks[key]
            heapq.heappop(self._ready[task.takes])
            starts[key] = now
            for index, amount in enumerate(task.takes):
                self._free[index] -= amount
            heapq.heappush(self._events, (now + task.seconds, 0, key))
            for waiting, offset in self._waiting[key]:
                heapq.heappush(self._events, (now + offset, 1, waiting))

    def _fits(self, takes: tuple[float, float]) -> bool:
        return all(amount <= free + TINY for amount, free in zip(takes, self._free, strict=True))
