"""Arrays of different lengths in one memory-mapped file: waveforms, frame features.

On disk: `<name>.values.npy` holds all rows one after the other, `<name>.offsets.npy` where each begins.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Ragged:
    """Read-only view; `ragged[row]` is a memory-mapped array of shape (length, ...)."""

    def __init__(self, values: NDArray[Any], offsets: NDArray[np.int64]) -> None:
        self._values = values
        self.offsets = offsets

    @classmethod
    def open(cls, values: Path, offsets: Path) -> Ragged:
        """Map the two files of one ragged array."""
        return cls(np.load(values, mmap_mode="r", allow_pickle=False), np.load(offsets, allow_pickle=False))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        if row < 0:  # offsets[-2] to offsets[-1] is the last row, offsets[-1] to offsets[0] none
            raise IndexError(f"row {row} is below 0")
        return self._values[self.offsets[row] : self.offsets[row + 1]]

    @property
    def values(self) -> NDArray[Any]:
        """All rows one after the other, shape (sum of lengths, ...)."""
        return self._values

    @property
    def inner(self) -> tuple[int, ...]:
        """Shape of one entry of a row: () for samples, (width,) for frames."""
        return self._values.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the entries of every row."""
        return self._values.dtype

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Length of every row."""
        return np.diff(self.offsets)


def write_ragged(
    folder: Path,
    name: str,
    rows: Iterable[NDArray[Any]],
    lengths: NDArray[np.int64],
    dtype: Any,
    inner: tuple[int, ...] = (),
) -> tuple[Path, Path]:
    """Write rows whose lengths are known beforehand, one at a time, and return the two paths.

    Raises:
        ValueError: when a row does not have the announced length; the files are then incomplete.
        OSError: when the disk has no room for all of them.
    """
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values_path, offsets_path = ragged_paths(folder, name)
    shape = (int(offsets[-1]), *inner)
    values = np.lib.format.open_memmap(values_path, mode="w+", dtype=dtype, shape=shape)
    _allocate(values_path)
    for index, row in enumerate(rows):
        if len(row) != lengths[index]:
            raise ValueError(f"row {index} has length {len(row)}, announced was {lengths[index]}")
        values[offsets[index] : offsets[index + 1]] = row
    values.flush()
    np.save(offsets_path, offsets, allow_pickle=False)
    return values_path, offsets_path


def _allocate(path: Path) -> None:
    """Take the room that a file says it has: a full disk would end the process when a page is written."""
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:  # which does not name the file
                raise OSError(error.errno, error.strerror, str(path)) from error


def ragged_paths(folder: Path, name: str) -> tuple[Path, Path]:
    """The two file names of a ragged array."""
    return folder / f"{name}.values.npy", folder / f"{name}.offsets.npy"
