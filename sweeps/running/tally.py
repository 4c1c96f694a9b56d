"""Counting while studies run: how many cells of each are finished, and which trajectories just became so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sweeps.launching.sight import Standing
from sweeps.planning.counting import Together
from sweeps.planning.plan import Plan
from sweeps.planning.trajectories import Trajectory


@dataclass(frozen=True)
class Cells:
    """Cells of one study that are not finished, by what becomes of them in a launch."""

    running: int
    waiting: int
    failed: int
    blocked: int


class Tally:
    """Cells and trajectories of several plans, by the keys of the stages that finish them.

    `totals` and `done` are those of each plan. `together` and `done_together` count what several plans ask
    for alike once, as `after-ray plan` does.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._cells = [Counter(cell.key for cell in plan.cells) for plan in plans]
        self._distinct = Counter(cell.key for cell in Together(plans).cells)
        self._last: dict[str, list[tuple[int, Trajectory]]] = {}
        for index, plan in enumerate(plans):
            for trajectory in plan.trajectories:
                self._last.setdefault(trajectory.key, []).append((index, trajectory))
        self._finished: set[str] = set()
        self.totals = [sum(cells.values()) for cells in self._cells]
        self.done = [0 for _ in plans]
        self.together = self._distinct.total()
        self.done_together = 0

    def finish(self, keys: Iterable[str]) -> Iterator[tuple[int, Trajectory]]:
        """These stages are finished: the trajectories that end with one of them, with their plan's number."""
        for key in keys:
            if key in self._finished:
                continue
            self._finished.add(key)
            self.done_together += self._distinct[key]
            for index, cells in enumerate(self._cells):
                self.done[index] += cells[key]
            yield from self._last.get(key, ())

    def unfinished(self, standing: Standing) -> list[Cells]:
        """Of each plan the cells that are left; what is tried again after a failure runs or waits."""
        named = {
            "running": {stage for job, _ in standing.running for stage in job.gives},
            "waiting": {stage for job in standing.waiting for stage in job.gives},
            "failed": {stage for key in standing.failed for stage in self._stages(key)},
            "blocked": {stage for key in standing.blocked for stage in self._stages(key)},
        }
        told = set(self._finished)
        states: dict[str, set[str]] = {}
        for state, stages in named.items():
            states[state] = stages - told
            told |= stages
        return [
            Cells(**{state: sum(cells[stage] for stage in stages) for state, stages in states.items()})
            for cells in self._cells
        ]

    def _stages(self, key: str) -> Iterator[str]:
        """Keys of the rounds of the trajectory that ends with a stage, or of that stage alone."""
        yield key
        for _, trajectory in self._last.get(key, ())[:1]:
            yield from (stage.key for stage in trajectory.stages)
