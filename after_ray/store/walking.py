"""Walking through a store while others write to it: what vanishes meanwhile is left out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Found:
    """A file: where, how large, when it was last written to (seconds since the epoch)."""

    path: Path
    bytes: int
    written: float


def files_below(folder: Path) -> Iterator[Found]:
    """Every file below a folder; links are not followed."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            with suppress(FileNotFoundError):
                told = path.lstat()
                yield Found(path, told.st_size, told.st_mtime)


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in a folder, by name; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []


def size_and_age(folder: Path, now: float) -> tuple[int, float]:
    """Bytes of everything in a folder, and seconds since anything of it, or itself, was written to."""
    files = list(files_below(folder))
    newest = [found.written for found in files]
    for place in (folder, *(Path(where, name) for where, names, _ in os.walk(folder) for name in names)):
        with suppress(FileNotFoundError):
            newest.append(place.lstat().st_mtime)
    return sum(found.bytes for found in files), now - max(newest, default=now)
