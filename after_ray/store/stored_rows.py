"""One array of a stored file, read some rows at a time: a summary of a million clips is 4 GB."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.errors import DamagedStore

BLOCK_BYTES = 64_000_000
TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4"}  # of safetensors, as numpy writes them


class StoredRows:
    """An array of shape (n, ...) in a safetensors file, of which no more than a block is in memory.

    Read, not mapped: the store may lie on shared storage, where no map is opened.

    Args:
        path: of the file.
        name: of the array.

    Raises:
        DamagedStore: when it is no safetensors file, or has no such array.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            try:
                entry = json.loads(file.read(length))[name]
                self.dtype = np.dtype(TYPES[entry["dtype"]])
                self.shape: tuple[int, ...] = tuple(entry["shape"])
                self._begin = 8 + length + int(entry["data_offsets"][0])
            except (ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
                raise DamagedStore(path, f"it has no array '{name}' of numbers") from error

    def __len__(self) -> int:
        return self.shape[0]

    def blocks(self, block_bytes: int = BLOCK_BYTES) -> Iterator[tuple[int, NDArray[Any]]]:
        """Consecutive rows, as (number of the first, rows); all of them together once."""
        width = math.prod(self.shape[1:])
        rows = max(1, block_bytes // max(1, width * self.dtype.itemsize))
        with open(self._path, "rb") as file:
            file.seek(self._begin)
            for first in range(0, len(self), rows):
                count = min(rows, len(self) - first)
                values = np.fromfile(file, self.dtype, count * width)
                if len(values) != count * width:
                    raise DamagedStore(self._path, "it ends too early")
                yield first, values.reshape(count, *self.shape[1:])
