"""Runs that MLflow has already, as far as the mirror has to know them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sweeps.tracking._names import KEY, PARENT, query_of
from sweeps.tracking._requests import search
from sweeps.tracking.mirrored import ROW_AXES, value_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PLACE = (*ROW_AXES, "fold", "seed")


@dataclass
class Known:
    """A run; `metrics` are the newest values that it had when it was looked up, times in milliseconds."""

    run_id: str
    tags: dict[str, str]
    parameters: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    finished: bool = False
    started: int = 0
    ended: int = 0

    @classmethod
    def of(cls, run: Run) -> Known:
        """What a search has found."""
        info, data = run.info, run.data
        return cls(
            info.run_id,
            dict(data.tags),
            dict(data.params),
            dict(data.metrics),
            info.status == "FINISHED",
            info.start_time or 0,
            info.end_time or 0,
        )

    @property
    def place(self) -> tuple[str, ...]:
        """The values of the axes that tell a trajectory from others of its study."""
        return tuple(value_of(self.tags, axis) for axis in PLACE)


@dataclass(frozen=True)
class StudyRuns:
    """The runs of one study below its parent run."""

    client: MlflowClient
    experiment: str
    study: str
    parent: str

    def look_up(self, kind: str) -> dict[str, Known]:
        """Key -> run; of several with one key the most complete, then the oldest, stays."""
        known: dict[str, Known] = {}
        for run in sorted(
            self.search(kind), key=lambda run: (run.info.status != "FINISHED", run.info.start_time)
        ):
            if run.data.tags[KEY] in known:
                self.client.delete_run(run.info.run_id)
                continue
            one = known[run.data.tags[KEY]] = Known.of(run)
            self.set_tag(one, PARENT, self.parent)
        return known

    def search(self, kind: str) -> Iterator[Run]:
        """All runs of one kind, oldest first."""
        return search(self.client, self.experiment, query_of(self.study, kind))

    def set_tag(self, run: Known, name: str, value: str) -> bool:
        """Set a tag unless it stands already; True when something was written."""
        if run.tags.get(name) == value:
            return False
        self.client.set_tag(run.run_id, name, value)
        run.tags[name] = value
        return True
