"""Counting while studies run: how many cells of each are finished, and which trajectories just became so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from sweeps.planning.plan import Plan, Trajectory


class Tally:
    """Cells and trajectories of several plans, by the keys of the stages that finish them."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._cells = [Counter(cell.key for cell in plan.cells) for plan in plans]
        self._last: dict[str, list[tuple[int, Trajectory]]] = {}
        for index, plan in enumerate(plans):
            for trajectory in plan.trajectories:
                self._last.setdefault(trajectory.key, []).append((index, trajectory))
        self._finished: set[str] = set()
        self.totals = [sum(cells.values()) for cells in self._cells]
        self.done = [0 for _ in plans]

    def finish(self, keys: Iterable[str]) -> Iterator[tuple[int, Trajectory]]:
        """These stages are finished: the trajectories that end with one of them, with their plan's number."""
        for key in keys:
            if key in self._finished:
                continue
            self._finished.add(key)
            for index, cells in enumerate(self._cells):
                self.done[index] += cells[key]
            yield from self._last.get(key, ())
