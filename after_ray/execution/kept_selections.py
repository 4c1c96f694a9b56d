"""What a trajectory acquired as a record of the store, written by the driver and replayed by trials."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition import NOT_RECORDED
from after_ray.environment import Execution, describe
from after_ray.errors import BrokenInvariant
from after_ray.sources import source_of
from after_ray.stages import SelectionsStage
from after_ray.store import Draft, Record, Store
from after_ray.store.artifacts import save_arrays

RECORDED_FILE = "recorded.safetensors"
Rows = NDArray[np.int64]


def keep_selections(stage: SelectionsStage, rows: Rows, store: Store) -> Record:
    """Write manifest rows, in the order of their acquisition, into the store unless they stand there."""
    standing = store.reclaim(stage.key)
    if standing is not None:
        return standing
    started = time.time()
    with store.workspace(stage.key) as folder:
        save_arrays(folder / RECORDED_FILE, {"rows": rows})
        finished = time.time()
        draft = Draft(
            key=stage.key,
            kind=stage.kind,
            meaning=stage.meaning(),
            measures={"utterances": len(rows)},
            seconds={"total": finished - started},
            environment=describe(Execution(store.url, ""), source_of(stage)),
            started=started,
            finished=finished,
        )
        return store.commit(draft, folder)


def kept_rows(stage: SelectionsStage, store: Store) -> Rows:
    """The manifest rows of a recording, in their order."""
    return store.arrays(store.need(stage.key), RECORDED_FILE)["rows"]


def places_of(rows: Rows, train: Rows) -> NDArray[np.int64]:
    """The place of every row of train, by rising row, in a recording; `NOT_RECORDED` of those not in it."""
    places = np.full(len(train), NOT_RECORDED, dtype=np.int64)
    ordered = np.sort(train)
    kept = rows[np.isin(rows, ordered)]
    places[np.searchsorted(ordered, kept)] = np.arange(len(kept))
    return places


def check_replayed(labelled: Rows, rows: Rows) -> None:
    """Refuse a round that did not label the beginning of its recording, and nothing else.

    Raises:
        BrokenInvariant: when it did not.
    """
    if not np.array_equal(labelled, rows[: len(labelled)]):
        raise BrokenInvariant(len(labelled), "it labelled others than the recording that it replays")
