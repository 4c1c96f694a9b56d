"""Summary runs: what a table row says of its finished cells, from records alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from statistics import fmean, stdev
from typing import NamedTuple

from after_ray.store import Record, Store
from after_ray.store.charges import Charges
from sweeps.tracking._content import run_name, summary_name
from sweeps.tracking.mirrored import BEFORE, ROW_AXES, MirroredRow, MirroredRun, RowCell, value_of

SUMMARY = "summary"
FORMAT = 1  # raise when summary runs hold something else for the same records; they are then written again
MEASURES = ("ua", "wa", "macro_f1")


class _Figures(NamedTuple):
    """What is kept of a record: a few numbers, so that thousands fit."""

    kind: str
    parents: tuple[str, ...]
    seconds: Mapping[str, float]
    measures: Mapping[str, float]
    started: float
    finished: float


class Summaries:
    """Computes summary runs; each record is read once, and not at all when `note` has been given it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._figures: dict[str, _Figures] = {}
        self._charges = Charges(self._find)

    def note(self, record: Record) -> None:
        """Keep what a record says."""
        measures = {name: value for name in MEASURES if (value := record.measures.get(name)) is not None}
        total = {name: value for name, value in record.seconds.items() if name == "total"}
        self._figures[record.key] = _Figures(
            record.kind, record.parents, total, measures, record.started, record.finished
        )

    def charged(self, key: str) -> float:
        """Seconds of the whole chain of a result; NaN where a record of it is gone."""
        return self._charges.of(key)

    def run_of(self, row: MirroredRow, done: AbstractSet[str]) -> MirroredRun:
        """The summary run of a row; `done` are the keys of finished stages, at least one of the row's.

        Raises:
            DamagedStore: when a record of the row cannot be read.
        """
        cells = [cell for cell in row.cells if cell.key in done]
        figures = [self._need(cell.key) for cell in cells]
        complete = len(cells) == len(row.cells)
        return MirroredRun(
            kind=SUMMARY,
            key=row_key(row),
            name=run_name(row.tags),
            values=dict(self._values(cells)),
            rests_on=len(cells),
            state=state_of(row, done),
            started=min(one.started for one in figures),
            finished=max(one.finished for one in figures),
            complete=complete,
            tags={
                **row.tags,
                "cells": f"{len(cells)} of {len(row.cells)}",
                "complete": str(complete).lower(),
            },
        )

    def _values(self, cells: Iterable[RowCell]) -> Iterator[tuple[str, float]]:
        for percent, here in _grouped(cells, "percent").items():
            for measure in MEASURES:
                yield from self._measure(summary_name(measure, percent), measure, here)
            charged = fmean(self._charges.of(cell.key) for cell in here)
            yield summary_name("charged_seconds", percent), charged

    def _measure(self, name: str, measure: str, cells: Iterable[RowCell]) -> Iterator[tuple[str, float]]:
        """Mean and standard deviation over folds of the mean over seeds, and how many cells are behind it."""
        known = [cell for cell in cells if measure in self._need(cell.key).measures]
        if not known:
            return
        folds = _grouped(known, "fold").values()
        means = [fmean(self._need(cell.key).measures[measure] for cell in fold) for fold in folds]
        yield name, fmean(means)
        yield f"{name}_n", float(len(known))
        if len(means) > 1:
            yield f"{name}_sd", stdev(means)

    def _need(self, key: str) -> _Figures:
        if key not in self._figures:
            self.note(self._store.need(key))
        return self._figures[key]

    def _find(self, key: str) -> _Figures | None:
        if key not in self._figures:
            record = self._store.find(key)
            if record is None:
                return None
            self.note(record)
        return self._figures[key]


def row_key(row: MirroredRow) -> str:
    """What tells a row from the others of its study; axes that came later are in it where they matter."""
    values = ((axis, value_of(row.tags, axis)) for axis in ROW_AXES)
    return " / ".join(value for axis, value in values if value != BEFORE.get(axis))


def state_of(row: MirroredRow, done: AbstractSet[str]) -> str:
    """Digest of what a summary rests on; records are write-once, so their keys stand for them."""
    finished = sorted(
        (cell.percent, cell.fold, cell.seed, cell.key) for cell in row.cells if cell.key in done
    )
    text = json.dumps([FORMAT, dict(row.tags), finished, len(row.cells)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _grouped(cells: Iterable[RowCell], axis: str) -> dict[float, Sequence[RowCell]]:
    """Cells by percent or by fold, in ascending order, whatever order they were finished in."""
    groups: dict[float, list[RowCell]] = {}
    for cell in sorted(cells):
        groups.setdefault(getattr(cell, axis), []).append(cell)
    return dict(sorted(groups.items()))
