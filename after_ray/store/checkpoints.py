"""Checkpoints: the state of unfinished work, so that a killed one goes on where it was.

A checkpoint is no result: it is in no key, no record names it, and it is removed when the work is recorded.
Losing one costs time and changes nothing, so a damaged one is passed over.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.errors import UnwritableCheckpoint
from after_ray.files import sha256_of, write_json

STATE_FILE = "state.json"
ARRAYS_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class State:
    """What was saved: arrays by name, and JSON values."""

    arrays: Mapping[str, NDArray[Any]]
    values: Mapping[str, Any] = field(default_factory=dict)


class Checkpoint:
    """One folder that holds the newest state of one piece of work.

    The arrays are written under a new name, then `state.json`, which names them and their digest, is
    replaced: a kill at any moment leaves the state before or the new one.

    Args:
        folder: where; None keeps nothing, for work that nobody would continue.
        every: seconds between two states at least (`due`).
    """

    def __init__(self, folder: Path | None = None, every: float = 300.0) -> None:
        self._folder = folder
        self._every = every
        self._newest = time.monotonic()
        self._carried = State({})

    def carrying(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> Checkpoint:
        """The same checkpoint for the next part of the work: every state of it also holds these."""
        further = Checkpoint(self._folder, self._every)
        further._newest = self._newest
        further._carried = State({**self._carried.arrays, **arrays}, {**self._carried.values, **values})
        return further

    @property
    def due(self) -> bool:
        """Whether `every` seconds have passed since the newest state."""
        return self._folder is not None and time.monotonic() - self._newest >= self._every

    def save(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Replace the state; `values` are JSON values."""
        if self._folder is None:
            return
        from safetensors import SafetensorError

        try:
            self._write({**self._carried.arrays, **arrays}, {**self._carried.values, **values})
        except (OSError, SafetensorError) as error:
            if self._folder.exists():
                raise UnwritableCheckpoint(self._folder, str(error)) from error
            return  # another process recorded this work just now, and removed the folder
        self._newest = time.monotonic()

    def _write(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        from safetensors.numpy import save_file

        assert self._folder is not None
        self._folder.mkdir(parents=True, exist_ok=True)
        before = self._named()
        path = self._folder / f"{secrets.token_hex(8)}{ARRAYS_SUFFIX}"
        save_file({name: np.asarray(value, order="C") for name, value in arrays.items()}, path)
        written = {"arrays": path.name, "sha256": sha256_of(path), "values": values}
        write_json(self._folder / STATE_FILE, written)
        if before is not None:  # never a file that another process is just writing
            before.unlink(missing_ok=True)

    def load(self) -> State | None:
        """The newest state; None when there is none or it is damaged."""
        from safetensors.numpy import load_file

        state = self._written()
        if state is None:
            return None
        path, digest, values = state
        if not path.is_file() or sha256_of(path) != digest:
            return None
        return State(load_file(path), values)

    def clear(self) -> None:
        """Remove the state: the work is recorded."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _named(self) -> Path | None:
        """The arrays of the newest state."""
        state = self._written()
        return None if state is None else state[0]

    def _written(self) -> tuple[Path, str, dict[str, Any]] | None:
        """What `state.json` says: the file of the arrays, its digest, the values."""
        if self._folder is None:
            return None
        try:
            written = json.loads((self._folder / STATE_FILE).read_bytes())
            return self._folder / Path(written["arrays"]).name, written["sha256"], written["values"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None


NO_CHECKPOINT = Checkpoint()  # of work that nobody would continue
