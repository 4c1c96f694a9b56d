"""Why utterances were chosen: what one round of one trajectory acquired, and what stood beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from after_ray.corpora._settings import CorpusSettings
from after_ray.errors import AfterRayError, BadValue
from after_ray.manifest import Manifest
from after_ray.stages import FirstRoundStage, NextRoundStage
from after_ray.store import SUMMARY_FILE, Record
from after_ray.store.stored_rows import StoredRows
from sweeps.planning.opening import OpenStudy
from sweeps.planning.trajectories import Trajectory
from sweeps.selections.acquired import AcquiredRound, Place, names_of
from sweeps.selections.neighbours import Neighbours, nearest


class UnfinishedRound(AfterRayError):
    """A round that has no record yet."""

    def __init__(self, opened: OpenStudy, trajectory: Trajectory, number: int, done: int) -> None:
        last = f"its last one is round {done - 1}" if done else "none of its rounds is"
        super().__init__(
            f"Round {number} of trajectory {trajectory.key[:12]} is not recorded yet, {last}; to run it: "
            + opened.command_here("run", "--only", _axes(trajectory))
        )


@dataclass(frozen=True)
class Reason:
    """One utterance and why it was chosen, or how near it came.

    `neighbour`: of the utterances labelled before the round the nearest one, its label and its distance.
    Labels are what the annotators of the study told; those of the corpus stand beside them where they differ.
    """

    place: Place
    label: str | None
    audio: str
    neighbour: str | None = None
    neighbour_label: str | None = None
    distance: float | None = None
    corpus_label: str | None = None
    neighbour_corpus_label: str | None = None


class Explanation:
    """One round of one trajectory.

    Args:
        opened: the study.
        trajectory: one of its plan.
        number: of the round, 0 being the first.

    Raises:
        BadValue: when the trajectory has no such round.
        UnfinishedRound: when it is not recorded yet.
    """

    def __init__(self, opened: OpenStudy, trajectory: Trajectory, number: int) -> None:
        self.trajectory, self.number = trajectory, number
        self._opened = opened
        if number >= len(trajectory.stages):
            last = len(trajectory.stages) - 1
            raise BadValue("--round", number, f"0 to {last}, the last round of this trajectory")
        self._records = list(self._found(number + 1))
        if len(self._records) <= number:
            raise UnfinishedRound(opened, trajectory, number, len(self._records))
        self.round = AcquiredRound(opened.store, self._records[-1], names_of(self._manifest))

    def reasons(self, most: int | None = None) -> list[Reason]:
        """What was acquired, or its first `most`, first choice first; each label is revealed by then."""
        found = self._neighbours(self.round.rows[:most])
        reasons = []
        for at, place in enumerate(islice(self.round.places, most)):
            label, of_corpus = self._labels(place.row)
            reason = Reason(place, label, self._audio(place.row), corpus_label=of_corpus)
            reasons.append(reason if found is None else self._with_neighbour(reason, found, at))
        return reasons

    def below_the_line(self, most: int) -> list[Reason]:
        """The best that were not taken, whose labels this round did not reveal."""
        return [Reason(place, None, self._audio(place.row)) for place in self.round.not_taken(most)]

    @property
    def percent(self) -> float:
        """What of train is labelled after the round."""
        return self.trajectory.percents[self.number]

    @property
    def has_neighbours(self) -> bool:
        """Whether anything was labelled before."""
        return self.number > 0

    @property
    def annotated(self) -> bool:
        """Whether labels are anything but the corpus' own."""
        return self.trajectory.first.annotated

    def _with_neighbour(self, reason: Reason, found: Neighbours, at: int) -> Reason:
        near = int(found.rows[at])
        label, of_corpus = self._labels(near)
        return replace(
            reason,
            neighbour=str(self._manifest.table["utterance"].iat[near]),
            neighbour_label=label,
            neighbour_corpus_label=of_corpus,
            distance=float(found.distances[at]),
        )

    def _found(self, rounds: int) -> Iterator[Record]:
        for stage in self.trajectory.stages[:rounds]:
            record = self._opened.store.find(stage.key)
            if record is None:
                return
            yield record

    @cached_property
    def _corpus(self) -> int:
        digest = self.trajectory.first.audio.manifest
        return [scan.manifest.digest for scan in self._opened.scans].index(digest)

    @property
    def _manifest(self) -> Manifest:
        return self._opened.scans[self._corpus].manifest

    def _neighbours(self, asked: NDArray[np.int64]) -> Neighbours | None:
        if not self.has_neighbours:
            return None
        store, first = self._opened.store, self.trajectory.first
        path = store.path(store.need(first.features.key), SUMMARY_FILE)
        train = self._opened.plan.splits[self._corpus].table.folds[first.fold.index].train
        labelled = self._rows([name for record in self._records[:-1] for name in record.details["acquired"]])
        return nearest(StoredRows(path, "summary"), train, labelled, asked)

    def _rows(self, names: list[str]) -> NDArray[np.int64]:
        known = names_of(self._manifest)
        return known.get_indexer(pd.Index(names, dtype=known.dtype)).astype(np.int64)

    def _labels(self, row: int) -> tuple[str, str | None]:
        """What was told of a row, and the corpus' own label where it is another."""
        told, own = self._manifest.classes[self._told[row]], str(self._manifest.table["emotion"].iat[row])
        return (own, None) if told == own else (told, own)

    @cached_property
    def _told(self) -> NDArray[np.int64]:
        """The class that the annotators told of every row: of soft labels the one with the largest share."""
        from after_ray.execution.answering import answers_of

        return answers_of(self.trajectory.first, self._manifest).told

    def _audio(self, row: int) -> str:
        path = str(self._manifest.table["path"].iat[row])
        return audio_path(self._opened.study.corpus[self._corpus], path)


def audio_path(settings: CorpusSettings, path: str) -> str:
    """Where an utterance lies on this machine; of a generated corpus, which lies nowhere, its name."""
    members: dict[str, Any] = {one.title: one for one in getattr(settings, "members", ())}
    name, _, below = path.partition("/")
    if name in members:
        return audio_path(members[name], below)
    root, file = getattr(settings, "root", None), getattr(settings, "file", None)
    if root is None and file is not None:
        root = str(Path(file).parent)
    return path if root is None else str(Path(root) / path)


def acquired_by(stage: FirstRoundStage | NextRoundStage) -> str:
    """The initialization or strategy that a round goes by."""
    return stage.strategy if isinstance(stage, NextRoundStage) else stage.initialization.name


def _axes(trajectory: Trajectory) -> str:
    axes = trajectory.axes
    named = ("strategy", "initialization", "fold", "seed")
    return ",".join(f"{name}={getattr(axes, name)}" for name in named)
