"""How long a launch has yet to go: what is left, scheduled on what is there, at the pace seen so far."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from sweeps.launching.budget import HOUR
from sweeps.planning.jobs import Job
from sweeps.scheduling.schedule import Capacity, Task, simulate


class Eta:
    """Counts the mix of stages that is left, not the share of cells that is done.

    Args:
        seconds: that each job was expected to take, by key; kinds that end correct it as they do.
        capacity: what trials run on now.
    """

    def __init__(self, seconds: Mapping[str, float], capacity: Callable[[], Capacity]) -> None:
        self._seconds, self._capacity = seconds, capacity
        self._paces: dict[str, list[float]] = defaultdict(list)  # kind -> seconds taken over seconds expected
        self._taken: dict[str, list[float]] = defaultdict(list)

    def ended(self, job: Job, seconds: float) -> None:
        """A job took so long."""
        self._taken[job.kind].append(seconds)
        if self._seconds.get(job.key):
            self._paces[job.kind].append(seconds / self._seconds[job.key])

    def hours(self, running: Sequence[tuple[Job, float]], waiting: Sequence[Job]) -> float | None:
        """Hours until all of these are done; None while of some nothing is known.

        Args:
            running: jobs, with the seconds that each has run.
            waiting: jobs.
        """
        overdue = self._overdue(running)
        left = {job.key: (job, elapsed) for job, elapsed in [*running, *((job, 0.0) for job in waiting)]}
        giver = {stage: key for key, (job, _) in left.items() for stage in job.gives}
        tasks = []
        for job, elapsed in left.values():
            expected = self._expected(job, overdue[job.kind])
            if expected is None:
                return None
            needs = {giver[stage]: 0.0 for stage in job.needs if stage in giver}
            room = (float(job.resources.cpu), job.resources.gpu)
            tasks.append(Task(job.key, max(0.0, expected - elapsed), needs, *room))
        return self._makespan(tasks)

    def _makespan(self, tasks: Sequence[Task]) -> float | None:
        seconds = {task.key: task.seconds for task in tasks}
        whole = [
            Task(task.key, task.seconds, {need: seconds[need] for need in task.needs}, task.cpu, task.gpu)
            for task in tasks
        ]
        capacity = self._capacity()
        if any(task.cpu > capacity.cpus or task.gpu > capacity.gpus for task in whole):
            return None  # a cluster that has yet to start the nodes that they need
        return simulate(whole, capacity).makespan / HOUR

    def _overdue(self, running: Sequence[tuple[Job, float]]) -> dict[str, list[float]]:
        """By kind, how much longer than expected jobs take that run: as if they ended now, and no sooner."""
        paces: dict[str, list[float]] = defaultdict(list)
        for job, elapsed in running:
            expected = self._seconds.get(job.key)
            if expected and elapsed > expected:
                paces[job.kind].append(elapsed / expected)
        return paces

    def _expected(self, job: Job, overdue: Sequence[float]) -> float | None:
        expected = self._seconds.get(job.key)
        if expected:
            paces = [*self._paces[job.kind], *overdue]
            return expected * (statistics.median(paces) if paces else 1.0)
        taken = self._taken[job.kind]
        return statistics.mean(taken) if taken else None
