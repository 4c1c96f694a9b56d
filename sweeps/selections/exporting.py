"""Every selection of a study as rows of one file, which `strategy: replay` reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from sweeps.planning.opening import OpenStudy
from sweeps.planning.trajectories import Trajectory
from sweeps.selections.acquired import AcquiredRound, names_of

COLUMNS = (
    "corpus", "manifest", "method", "adaptation", "strategy", "initialization", "restart", "annotation",
    "label_noise", "fold", "seed", "round", "percent", "order", "utterance", "score", "rank", "pool",
)  # fmt: skip


class Selections:
    """What the finished rounds of a study's wanted trajectories acquired.

    Attributes:
        rounds: how many finished ones were read so far.
        unfinished: by trajectory how many of its rounds are not finished, as far as they were read.
    """

    def __init__(self, opened: OpenStudy) -> None:
        self._opened = opened
        self._names = {scan.manifest.digest: names_of(scan.manifest) for scan in opened.scans}
        self.rounds = 0
        self.unfinished: dict[str, int] = {}

    def rows(self) -> Iterator[list[Any]]:
        """One per acquired utterance, in the order of the plan, its rounds and their choices."""
        for trajectory in self._opened.wanted.trajectories:
            yield from self._of_trajectory(trajectory, self._names[trajectory.first.audio.manifest])

    def _of_trajectory(self, trajectory: Trajectory, names: pd.Index[str]) -> Iterator[list[Any]]:
        axes, store = trajectory.axes, self._opened.store
        begin = [
            axes.corpus, trajectory.first.audio.manifest, axes.method, axes.adaptation, axes.strategy,
            axes.initialization, axes.restart, axes.annotation, axes.label_noise, axes.fold, axes.seed,
        ]  # fmt: skip
        for number, stage in enumerate(trajectory.stages):
            record = store.find(stage.key)
            if record is None:
                self.unfinished[trajectory.key] = len(trajectory.stages) - number
                return
            self.rounds += 1
            acquired = AcquiredRound(store, record, names)
            percent = f"{trajectory.percents[number]:g}"
            for place in acquired.places:
                own = [number, percent, place.order, place.utterance, place.score, place.rank, acquired.pool]
                yield [*begin, *own]
