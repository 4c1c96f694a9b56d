"""Checkpoints: the state of unfinished work, so that a killed one goes on where it was.

A checkpoint is no result: it is in no key, no record names it, and it is removed when the work is recorded.
Losing one costs time and changes nothing, so a damaged one is passed over, for the one before it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.errors import UnwritableCheckpoint
from after_ray.files import as_json, sha256_of
from after_ray.preemption import NOTICE, Preempted
from after_ray.store.places import Folder, Place

logger = logging.getLogger(__name__)

STATE_FILE = "state.json"
PREVIOUS_FILE = "previous.json"
ARRAYS_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class State:
    """What was saved: arrays by name, and JSON values."""

    arrays: Mapping[str, NDArray[Any]]
    values: Mapping[str, Any] = field(default_factory=dict)


class Checkpoint:
    """One place that holds the two newest states of one piece of work.

    The arrays are written under a new name, then `state.json`, which names them and their digest, is
    replaced: a kill at any moment leaves the state before or the new one. `previous.json` names the state
    before: it is what is loaded where the newest is damaged, which then costs one more interval and not all.
    So it takes the room of two states, and while a third is written of three.

    Once this process was told that it will be ended (`after_ray.preemption`), a state is due at once, and
    the work is left as soon as it is written.

    Args:
        place: where; None keeps nothing, for work that nobody would continue.
        every: seconds between two states at least (`due`).
    """

    def __init__(self, place: Place | Path | None = None, every: float = 300.0) -> None:
        self._place = Folder(place) if isinstance(place, Path) else place
        self._every = every
        self._newest = time.monotonic()
        self._carried = State({})

    def carrying(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> Checkpoint:
        """The same checkpoint for the next part of the work: every state of it also holds these."""
        further = Checkpoint(self._place, self._every)
        further._newest = self._newest
        further._carried = State({**self._carried.arrays, **arrays}, {**self._carried.values, **values})
        return further

    @property
    def due(self) -> bool:
        """Whether `every` seconds have passed since the newest state, or this process will be ended."""
        if self._place is None:
            return False
        return NOTICE.given or time.monotonic() - self._newest >= self._every

    def save(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Write a new state and keep the one before; `values` are JSON values.

        Raises:
            UnwritableCheckpoint: when it cannot be written.
            Preempted: when it is written and this process will be ended.
        """
        if self._place is None:
            return
        from safetensors import SafetensorError

        self._make_folder(self._place.local)
        try:
            self._write(self._place, {**self._carried.arrays, **arrays}, {**self._carried.values, **values})
        except (OSError, SafetensorError) as error:
            if self._place.local.exists():
                size = sum(array.nbytes for array in (*self._carried.arrays.values(), *arrays.values()))
                raise UnwritableCheckpoint(self._place.url, str(error), size) from error
            return  # another process recorded this work just now, and removed the folder
        self._newest = time.monotonic()
        if NOTICE.given:
            raise Preempted

    @staticmethod
    def _make_folder(folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnwritableCheckpoint(folder, str(error)) from error

    def _write(self, place: Place, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        from safetensors.numpy import save_file

        before, before_that = self._written(STATE_FILE), self._written(PREVIOUS_FILE)
        path = place.local / f"{secrets.token_hex(8)}{ARRAYS_SUFFIX}"
        try:
            save_file({name: np.asarray(value, order="C") for name, value in arrays.items()}, path)
            written = _Written(path.name, sha256_of(path), dict(values)).as_json()
            if not place.on_disk:
                place.send(path, path.name)
            if before is not None:
                place.write(PREVIOUS_FILE, as_json(before.as_json()))
            place.write(STATE_FILE, as_json(written))
        except Exception:
            path.unlink(missing_ok=True)  # half a state keeps no room on a full disk
            raise
        if not place.on_disk:
            path.unlink(missing_ok=True)
        if before_that not in (None, before) and before is not None:
            place.remove(before_that.arrays)  # never a file that another process is just writing

    def load(self) -> State | None:
        """The newest state that is whole; None when there is none."""
        newest = self._state(STATE_FILE)
        if newest is not None or self._place is None or self._place.size(STATE_FILE) is None:
            return newest
        before = self._state(PREVIOUS_FILE)
        instead = "the work starts anew" if before is None else "the state before it is used"
        logger.warning("The newest checkpoint in %s is damaged; %s.", self._place.url, instead)
        return before

    def _state(self, name: str) -> State | None:
        written = self._written(name)
        if written is None or self._place is None:
            return None
        if self._place.on_disk:
            return _state_in(self._place.local / written.arrays, written)
        # A name of its own: another process of this node may fetch the same state.
        path = self._place.local / f"{secrets.token_hex(8)}{ARRAYS_SUFFIX}"
        try:
            self._place.fetch(written.arrays, path)
            return _state_in(path, written)
        except FileNotFoundError:
            return None
        finally:
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the state: the work is recorded. One that cannot be removed is garbage, and no error."""
        if self._place is not None:
            with suppress(OSError):
                self._place.remove_folder("")
            shutil.rmtree(self._place.local, ignore_errors=True)

    def _written(self, name: str) -> _Written | None:
        """What one of the two JSON files says."""
        if self._place is None:
            return None
        try:
            written = json.loads(self._place.read(name))
            found = _Written(Path(written["arrays"]).name, written["sha256"], written["values"])
            return found if written["seal"] == found.seal else None
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True)
class _Written:
    """A state as its JSON file tells it: the file of the arrays, its digest, the values."""

    arrays: str
    sha256: str
    values: dict[str, Any]

    @property
    def seal(self) -> str:
        """A digest of the rest, so that a flipped bit in a number is noticed."""
        told = json.loads(json.dumps([self.arrays, self.sha256, self.values]))
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """What the file holds."""
        return {"arrays": self.arrays, "sha256": self.sha256, "values": self.values, "seal": self.seal}


def _state_in(path: Path, written: _Written) -> State | None:
    """The state whose arrays are in a file of this node; None where the file is not what was written."""
    from safetensors.numpy import load_file

    if not path.is_file() or sha256_of(path) != written.sha256:
        return None
    return State(load_file(path), written.values)


NO_CHECKPOINT = Checkpoint()  # of work that nobody would continue
