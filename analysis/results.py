"""Results of a study: its planned cells joined to what their records say, one row per cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from after_ray.metrics import unweighted_accuracy, weighted_accuracy
from after_ray.store import PREDICTIONS_FILE, Record, Store
from after_ray.store.charges import Charges
from analysis.errors import MissingColumns, NoCells
from analysis.families import AXES
from analysis.rows import row_of

CELL_COLUMNS = (*AXES, "percent", "size", "fold", "seed", "key", "trial", "pretrained")
Part = Literal["test", "validation"]
ReadArrays = Callable[[str], Mapping[str, NDArray[Any]]]  # the arrays that a cell's predictions are kept in
_READERS = 8  # threads that read predictions: a server lets each wait 50 ms
_AHEAD = 64  # cells whose predictions are in memory at once


@dataclass(frozen=True)
class Predictions:
    """What a model said about every utterance of one part of a fold.

    `rows` of the manifest (n,), `log_probabilities` (n, classes), `truth` class indices (n,).
    """

    rows: NDArray[np.int64]
    log_probabilities: NDArray[np.floating[Any]]
    truth: NDArray[np.int64]


@dataclass(frozen=True)
class Results:
    """Finished cells and, apart from them, those that are missing.

    Attributes:
        frame: one row per finished cell: the columns of the plan; the measures of its record (ua, wa,
            loss, labelled, test, ...) as shares and counts; `seconds_<phase>`; classes, confusion,
            recall, ...; whether the model `collapsed` to one class; device, threads, shared_by;
            `started` and `finished` in seconds since the epoch; `spent_seconds` of its own round and
            `charged_seconds` of its whole chain of stages as if run alone (preparation of audio and folds
            excluded).
        missing: the planned cells without a record, with the sentence of their failure, if any.
        arrays: reads the predictions of the cell with a key, checked by digest.
        read_from: where they were read, for people.
        note: a sentence on where the results were read, when that is not where they were to be read.
    """

    frame: pd.DataFrame
    missing: pd.DataFrame
    arrays: ReadArrays
    read_from: str = "the store"
    note: str = ""

    @property
    def cells(self) -> pd.DataFrame:
        """Every planned cell, finished or missing, with the columns of the plan."""
        columns = list(CELL_COLUMNS)
        return pd.concat([self.frame[columns], self.missing[columns]], ignore_index=True)

    @property
    def planned(self) -> int:
        """How many cells the study has."""
        return len(self.frame) + len(self.missing)

    @property
    def complete(self) -> bool:
        """Whether every planned cell is finished."""
        return self.missing.empty

    def predictions(self, key: str, part: Part = "test") -> Predictions:
        """The predictions of one cell, checked by digest.

        Raises:
            AfterRayError: when the cell is not finished, or its file is gone or was altered.
        """
        arrays = self.arrays(key)
        return Predictions(
            arrays[f"{part}_rows"], arrays[f"{part}_log_probabilities"], arrays[f"{part}_truth"]
        )

    def recomputed(self, metric: Callable[[Predictions], float], part: Part = "test") -> pd.Series[float]:
        """Any metric of every finished cell, computed from the probabilities of each utterance.

        Args:
            metric: from the predictions of one cell to a number; called by one thread.
            part: what it is computed on.

        Returns:
            One value per row of `frame`, with its index, named after the metric:

            >>> def confidence(said):  # doctest: +SKIP
            ...     return float(np.exp(said.log_probabilities.max(axis=1)).mean())
            >>> frame = results.frame.assign(confidence=results.recomputed(confidence))  # doctest: +SKIP

        Raises:
            AfterRayError: as `predictions`.
        """
        keys = self.frame["key"]
        values: dict[str, float] = {}
        unique = iter(keys.unique())
        with ThreadPoolExecutor(_READERS) as pool:
            while some := list(islice(unique, _AHEAD)):
                read = pool.map(lambda key: self.predictions(key, part), some)
                values.update(zip(some, map(metric, read), strict=True))
        name = getattr(metric, "__name__", type(metric).__name__)
        return pd.Series([values[key] for key in keys], keys.index, dtype="float64", name=name)


def from_store(cells: pd.DataFrame, store: Store) -> Results:
    """Join planned cells (one row each, with `CELL_COLUMNS`) to the records of the store.

    Raises:
        NoCells: when no cell is planned.
        MissingColumns: when a column of the plan is not there.
    """
    refuse_no_plan(cells)
    records = _read_chain(cells["key"], store)
    charges = Charges(records.get)
    rows = {
        key: row_of(record, charges.of(key))
        for key in cells["key"].unique()
        if (record := records[key]) is not None
    }
    return joined(cells, rows, store, lambda key: store.arrays(store.need(key), PREDICTIONS_FILE))


def joined(
    cells: pd.DataFrame, rows: Mapping[str, Mapping[str, Any]], store: Store, arrays: ReadArrays
) -> Results:
    """Planned cells beside what their records say, by key, in the order of the plan.

    Args:
        cells: one row each, with `CELL_COLUMNS`.
        rows: of the finished ones (`analysis.rows.row_of`), by the key of their record.
        store: says why other cells failed.
        arrays: reads the predictions of a cell.

    Raises:
        NoCells, MissingColumns: as `from_store`.
    """
    refuse_no_plan(cells)
    done = cells["key"].isin(rows.keys())
    finished = cells[done].reset_index(drop=True)
    measured = pd.DataFrame([rows[key] for key in finished["key"]], index=finished.index)
    for name in measured.columns.intersection(["spent_seconds", "charged_seconds"]):
        measured[name] = measured[name].astype("float64")  # where all are unknown they are None
    fresh = measured.columns.difference(cells.columns, sort=False)
    frame = pd.concat([finished, measured[fresh]], axis=1)
    return Results(frame, _missing(cells[~done], store), arrays)


def refuse_no_plan(cells: pd.DataFrame) -> None:
    """Return when the cells are a plan.

    Raises:
        NoCells: when there is none.
        MissingColumns: when one of `CELL_COLUMNS` is not there.
    """
    if cells.empty:
        raise NoCells
    absent = [column for column in CELL_COLUMNS if column not in cells.columns]
    if absent:
        raise MissingColumns(absent, cells.columns)


def pooled(frame: pd.DataFrame, metric: Literal["ua", "wa"] = "ua") -> float:
    """UA or WA over the test utterances of all folds together, per seed, then averaged over seeds.

    Folds of one study do not share test utterances, so their confusion counts add up.
    """
    score = {"ua": unweighted_accuracy, "wa": weighted_accuracy}[metric]
    per_seed = [
        score(np.sum([np.asarray(counts) for counts in confusions], axis=0))
        for _, confusions in frame.groupby("seed")["confusion"]
    ]
    return float(np.mean(per_seed))


def chance_levels(frame: pd.DataFrame) -> dict[str, float]:
    """UA of guessing on each corpus, 1 / classes; of corpora whose records name them.

    >>> chance_levels(pd.DataFrame({"corpus": ["emodb", "old"], "classes": [["anger", "sad"], None]}))
    {'emodb': 0.5}
    """
    if "classes" not in frame:
        return {}
    known = frame.dropna(subset=["classes"])
    return {str(corpus): 1 / len(names.iloc[0]) for corpus, names in known.groupby("corpus")["classes"]}


def _read_chain(keys: Iterable[str], store: Store) -> dict[str, Record | None]:
    """The records of `keys` and of all their ancestors, each file read once; None where there is none."""
    records: dict[str, Record | None] = {}
    waiting = set(keys)
    while waiting:
        found = store.ledger.find_all(waiting)
        records.update((key, found.get(key)) for key in waiting)
        waiting = {parent for record in found.values() for parent in record.parents} - records.keys()
    return records


def _missing(cells: pd.DataFrame, store: Store) -> pd.DataFrame:
    """Cells without a record; the failure noted for the round or for its trajectory tells why."""
    failures = {} if cells.empty else store.ledger.failures()
    sentences = [
        next((failures[key].sentence for key in (str(round_key), str(trial)) if key in failures), "")
        for round_key, trial in zip(cells["key"], cells["trial"], strict=True)
    ]
    return cells.reset_index(drop=True).assign(failure=pd.Series(sentences, dtype="object"))
