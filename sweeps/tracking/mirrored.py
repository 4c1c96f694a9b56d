"""What the tracker is told of a study: its trajectories and table rows, in words of the plan; no MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ANY_STUDY = "after-ray mirror STUDY.yaml"
ROW_AXES = (  # one row, one curve
    "corpus", "method", "adaptation", "strategy", "initialization", "restart", "annotation", "label_noise",
)  # fmt: skip
# What an axis is in runs that were mirrored before there was such an axis.
BEFORE: Mapping[str, str] = {"annotation": "corpus", "label_noise": "0"}
Round = tuple[
    float, str, bool
]  # labelled percent of train, key of the round's record, whether it is reported


class RowCell(NamedTuple):
    """One planned cell of a table row; `key` is that of its record."""

    percent: float
    key: str
    fold: int
    seed: int


@dataclass(frozen=True)
class MirroredRow:
    """One row of the study's table, which becomes one summary run.

    Attributes:
        tags: axis -> value, of the axes that name a row (corpus, method, adaptation, strategy, ...).
        cells: every reported cell of the row, finished or not.
    """

    tags: Mapping[str, str]
    cells: tuple[RowCell, ...]


def value_of(tags: Mapping[str, str], axis: str) -> str:
    """The value of an axis by a run's tags, also of a run from before there was such an axis."""
    return tags.get(axis, BEFORE.get(axis, ""))


@dataclass(frozen=True)
class MirroredStudy:
    """A study, which becomes the parent run.

    Attributes:
        name: the study's name.
        study_yaml: the study file as text.
        counts: its numbers (cells, trajectories, ...).
        tags: of its parent run.
        rows: the rows of its table.
        command: the command line that mirrors it, named in sentences about an outage.
    """

    name: str
    study_yaml: str
    counts: Mapping[str, int]
    tags: Mapping[str, str]
    rows: tuple[MirroredRow, ...] = ()
    command: str = ANY_STUDY


@dataclass(frozen=True)
class MirroredTrajectory:
    """One trajectory, which becomes one nested run.

    Attributes:
        key: key of the last round.
        tags: axis -> value (corpus, method, adaptation, strategy, ..., fold, seed, adaptation_key).
        parameters: every setting under a dotted name.
        rounds: round 0 first.
    """

    key: str
    tags: Mapping[str, str]
    parameters: Mapping[str, Any]
    rounds: tuple[Round, ...]


@dataclass(frozen=True)
class MirroredRun:
    """A nested run of another kind, whose values may change while more is known.

    Attributes:
        kind: what it is; the run's tag `after_ray.kind`.
        key: tells it from others of its kind in its study; the run's tag `after_ray.key`.
        name: for people.
        values: metric -> its value now. NaN is not written.
        rests_on: how many results the values rest on, such as finished cells; it only grows: MLflow's step.
        state: digest of what the values were computed from; a run in the same state is not written again.
        finished: when the newest of it ended, in seconds since the epoch; never "now".
        complete: whether nothing more is to come.
        tags, parameters: of the run; parameters can never change.
        started: when the first of it began, in seconds since the epoch.
    """

    kind: str
    key: str
    name: str
    values: Mapping[str, float]
    rests_on: int
    state: str
    finished: float
    complete: bool
    tags: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    started: float = 0.0
