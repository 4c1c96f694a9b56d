"""Looking through a store while others write to it: what vanishes meanwhile is left out."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from after_ray.store.places import Place


def size_and_age(place: Place, folder: str, now: float) -> tuple[int, float]:
    """Bytes of everything in a folder, and seconds since anything of it, or itself, was written to."""
    found = list(place.files(folder))
    newest = [one.written for one in found]
    if place.on_disk:
        newest += _folders_written(place.local / folder)
    return sum(one.bytes for one in found), now - max(newest, default=now)


def _folders_written(folder: Path) -> list[float]:
    """When a folder, which may have no files yet, and those below it were written to."""
    written = []
    for path in (folder, *(Path(where, name) for where, names, _ in os.walk(folder) for name in names)):
        with suppress(FileNotFoundError):
            written.append(path.lstat().st_mtime)
    return written
