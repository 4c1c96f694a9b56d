"""Results of a study: its planned cells joined to the records of the store, one row per cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from after_ray.metrics import unweighted_accuracy, weighted_accuracy
from after_ray.store import PREDICTIONS_FILE, Record, Store
from after_ray.store.charges import Charges
from analysis.errors import MissingColumns, NoCells
from analysis.families import AXES

CELL_COLUMNS = (*AXES, "percent", "size", "fold", "seed", "key", "trial", "pretrained")
_DETAILS = (
    "classes",
    "confusion",
    "recall",
    "acquired",
    "test_speakers",
    "labelled_by",
    "ua_by_corpus",
    "ua_by",
    "test_by",
    "train_by",
    "train_seconds",
    "conformity",
    "stopped",
    "warnings",
)
_ENVIRONMENT = ("device", "device_name", "threads", "shared_by", "host")


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
            recall, acquired, ...; whether the model `collapsed` to one class; device, threads, shared_by;
            `spent_seconds` of its own round and `charged_seconds` of its whole chain of stages as if run
            alone (preparation of audio and folds excluded).
        missing: the planned cells without a record, with the sentence of their failure, if any.
        store: where predictions are read from when asked for.
    """

    frame: pd.DataFrame
    missing: pd.DataFrame
    store: Store

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

    def predictions(self, key: str, part: Literal["test", "validation"] = "test") -> Predictions:
        """The predictions of one cell, read from the store and checked by digest.

        Raises:
            DamagedStore: when the cell is not finished, or its file is gone or was altered.
        """
        arrays = self.store.arrays(self.store.need(key), PREDICTIONS_FILE)
        return Predictions(
            arrays[f"{part}_rows"], arrays[f"{part}_log_probabilities"], arrays[f"{part}_truth"]
        )


def from_store(cells: pd.DataFrame, store: Store) -> Results:
    """Join planned cells (one row each, with `CELL_COLUMNS`) to the records of the store.

    Raises:
        NoCells: when no cell is planned.
        MissingColumns: when a column of the plan is not there.
    """
    if cells.empty:
        raise NoCells
    absent = [column for column in CELL_COLUMNS if column not in cells.columns]
    if absent:
        raise MissingColumns(absent, cells.columns)
    records = _read_chain(cells["key"], store)
    done = cells["key"].map(lambda key: records.get(key) is not None).astype(bool)
    finished = cells[done].reset_index(drop=True)
    charges = Charges(records.get)
    measured = pd.DataFrame(
        [_row(_present(records, key), charges) for key in finished["key"]], index=finished.index
    )
    fresh = [column for column in measured.columns if column not in cells.columns]
    frame = pd.concat([finished, measured[fresh]], axis=1)
    return Results(frame, _missing(cells[~done], store), store)


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


def _read_chain(keys: Iterable[str], store: Store) -> dict[str, Record | None]:
    """The records of `keys` and of all their ancestors, each file read once; None where there is none."""
    records: dict[str, Record | None] = {}
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key in records:
            continue
        record = store.find(key)
        records[key] = record
        if record is not None:
            waiting.extend(record.parents)
    return records


def _present(records: Mapping[str, Record | None], key: str) -> Record:
    record = records[key]
    assert record is not None, key
    return record


def _row(record: Record, charges: Charges) -> dict[str, Any]:
    return {
        **record.measures,
        **{f"seconds_{phase}": value for phase, value in record.seconds.items()},
        **{name: record.details.get(name) for name in _DETAILS},
        "collapsed": _collapsed(record),
        **{name: record.environment.get(name) for name in _ENVIRONMENT},
        "spent_seconds": float(record.seconds.get("total", float("nan"))),
        "charged_seconds": charges.of(record.key),
    }


def _collapsed(record: Record) -> bool:
    """Whether the model said one class for every test utterance; older records have only the confusion."""
    noted = record.details.get("collapsed")
    if noted is not None:
        return bool(noted)
    confusion = record.details.get("confusion")
    return confusion is not None and np.count_nonzero(np.sum(confusion, axis=0)) == 1


def _missing(cells: pd.DataFrame, store: Store) -> pd.DataFrame:
    """Cells without a record; the failure noted for the round or for its trajectory tells why."""
    failures = {} if cells.empty else store.ledger.failures()
    sentences = [
        next((failures[key].sentence for key in (str(round_key), str(trial)) if key in failures), "")
        for round_key, trial in zip(cells["key"], cells["trial"], strict=True)
    ]
    return cells.reset_index(drop=True).assign(failure=pd.Series(sentences, dtype="object"))
