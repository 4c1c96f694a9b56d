"""What a store can do without: what killed processes left, and, if asked for, results that nobody wants.

Safe while a study runs: what was written to within an hour stays, and whether a folder is named by a record
is asked once more before it is removed.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from after_ray.errors import DamagedStore
from after_ray.store.artifacts import Store
from after_ray.store.census import Census
from after_ray.store.keys import KEY_LENGTH
from after_ray.store.usage import ORPHANS, artifact_folders
from after_ray.store.walking import files_below, folders_in, size_and_age

HOUR, DAY = 3600.0, 86400.0
ABANDONED_DAYS = 30.0  # after which nobody will go on with an unfinished stage

LEFT_FILES = "leftover temporary files"
SET_ASIDE = "damaged records that were set aside"
RECORDED = "checkpoints of recorded stages"
ABANDONED = "abandoned checkpoints"
SCRATCH = "scratch of Ray"
UNWANTED = "results of no study that is kept"

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp|\.probe-[0-9a-f]{8}")
_DAMAGED = re.compile(r"[0-9a-f]{32}\.json\.damaged-[0-9a-f]+")
_NOT_OURS = ("mlartifacts", "ray")  # written by others, below which nothing is looked for


@dataclass(frozen=True)
class Garbage:
    """A file or folder to remove, and what it is. With a `key` its record goes first."""

    path: Path
    bytes: int
    what: str
    key: str = ""


def find_garbage(
    store: Store,
    days: float = ABANDONED_DAYS,
    keep: frozenset[str] | None = None,
    now: float | None = None,
) -> list[Garbage]:
    """Everything that can go.

    Args:
        store: the store.
        days: after which an unfinished stage counts as abandoned.
        keep: keys of the only results that are wanted; what they rest on stays too. None: all are.
        now: seconds since the epoch.
    """
    now = time.time() if now is None else now
    folders = artifact_folders(store)  # before the records: a folder that is named meanwhile is not listed
    census = Census.of(store)
    found = [*_orphans(store, folders, census, now), *_left_files(store, now)]
    found += [*_checkpoints(store, census, days, now), *_scratch(store, now)]
    return found if keep is None else [*found, *_unwanted(store, census, keep, now)]


def remove_garbage(store: Store, garbage: list[Garbage], now: float | None = None) -> list[Garbage]:
    """Remove it; returns what was removed, without what a running study began to use meanwhile."""
    return [piece for piece in garbage if _remove(store, piece, time.time() if now is None else now)]


def _orphans(store: Store, folders: list[Path], census: Census, now: float) -> Iterator[Garbage]:
    """Folders of stages that no record names; those of records that cannot be read stay."""
    named = {record.folder for record in census.records.values()}
    for folder in folders:
        key = folder.name[:KEY_LENGTH]
        if folder.relative_to(store.root).as_posix() in named or key in census.unreadable:
            continue
        size, age = size_and_age(folder, now)
        if age > HOUR:
            yield Garbage(folder, size, ORPHANS)


def _left_files(store: Store, now: float) -> Iterator[Garbage]:
    """Temporary files of killed writers and copies, and records that were set aside."""
    for found in files_below(store.root):
        inside = found.path.relative_to(store.root)
        if now - found.written <= HOUR or inside.parts[0] in _NOT_OURS:
            continue
        half_copied = inside.parts[0] == "cache" and found.path.suffix == ".tmp"
        if half_copied or _TEMPORARY.fullmatch(found.path.name):
            yield Garbage(found.path, found.bytes, LEFT_FILES)
        elif inside.parts[0] == "ledger" and _DAMAGED.fullmatch(found.path.name):
            yield Garbage(found.path, found.bytes, SET_ASIDE)


def _checkpoints(store: Store, census: Census, days: float, now: float) -> Iterator[Garbage]:
    for folder in folders_in(store.root / "checkpoints"):
        size, age = size_and_age(folder, now)
        if folder.name in census.records and age > HOUR:
            yield Garbage(folder, size, RECORDED)
        elif age > max(days * DAY, HOUR):
            yield Garbage(folder, size, ABANDONED)


def _scratch(store: Store, now: float) -> Iterator[Garbage]:
    """What Tune wrote for launches that were killed: one that lives writes its state every hour."""
    for folder in folders_in(store.root / "ray"):
        size, age = size_and_age(folder, now)
        if age > DAY:
            yield Garbage(folder, size, SCRATCH)


def _unwanted(store: Store, census: Census, keep: frozenset[str], now: float) -> Iterator[Garbage]:
    """Results that are neither kept, nor rested on, nor so new that a running study may need them.

    What rests on others comes first, so that whoever is interrupted leaves no result without its parents.
    """
    new = {key for key, record in census.records.items() if now - record.finished <= HOUR}
    kept = census.with_parents(keep | new)
    for key in reversed(census.in_order(census.records.keys() - kept)):
        folder = census.records[key].folder
        path = store.root / folder if folder else _record_file(store, key)
        size = sum(found.bytes for found in files_below(path)) if folder else path.stat().st_size
        yield Garbage(path, size, UNWANTED, key)


def _record_file(store: Store, key: str) -> Path:
    return store.root / "ledger" / key[:2] / f"{key}.json"


def _remove(store: Store, piece: Garbage, now: float) -> bool:
    if piece.key:  # a kill after this leaves files that no record names, for the next time
        _record_file(store, piece.key).unlink(missing_ok=True)
        if piece.path.resolve().parent.parent != (store.root / "artifacts").resolve():
            return True  # it had no files, or names a folder that is none of a stage
    elif piece.path.is_dir() and _in_use(store, piece, now):
        return False
    if piece.path.is_dir():
        shutil.rmtree(piece.path, ignore_errors=True)
    else:
        piece.path.unlink(missing_ok=True)
    return not piece.path.exists()


def _in_use(store: Store, piece: Garbage, now: float) -> bool:
    """Whether a folder is written to now, or named by a record after all, or its record cannot be read."""
    if size_and_age(piece.path, now)[1] <= HOUR:
        return True
    if piece.what != ORPHANS:
        return False
    try:
        record = store.find(piece.path.name[:KEY_LENGTH])
    except DamagedStore:
        return True
    return record is not None and record.folder == piece.path.relative_to(store.root).as_posix()
