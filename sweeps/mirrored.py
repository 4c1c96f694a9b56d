"""What the tracker is told: a study and its trajectories, in words of the plan and without MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Round = tuple[
    float, str, bool
]  # labelled percent of train, key of the round's record, whether it is reported


@dataclass(frozen=True)
class MirroredStudy:
    """A study: its file as text, its numbers (cells, trajectories, ...) and tags for its parent run."""

    name: str
    study_yaml: str
    counts: Mapping[str, int]
    tags: Mapping[str, str]


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
