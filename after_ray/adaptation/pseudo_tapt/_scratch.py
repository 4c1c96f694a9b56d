"""Frames of all clips of a train part, which are more than a trial may hold in memory."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.errors import NoTemporaryRoom
from after_ray.ragged import Ragged


def scratch(counts: NDArray[np.int64], width: int, dtype: Any) -> Ragged:
    """Zeros for frames of so many numbers, `counts` of them for each clip, in a file without a name.

    It lies where temporary files do (`TMPDIR`) and is gone with the array or the process, killed or not.

    Raises:
        NoTemporaryRoom: when the disk has no room for all of them; no outage of the store, which may be well.
    """
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    shape = (int(offsets[-1]), width)
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        with tempfile.TemporaryFile() as file:
            if hasattr(os, "posix_fallocate"):  # not on macOS; else a full disk would end the process later
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            return Ragged(np.memmap(file, dtype, "r+", shape=shape), offsets)
    except OSError as error:
        raise NoTemporaryRoom(tempfile.tempdir or "TMPDIR", size, str(error.strerror or error)) from error
