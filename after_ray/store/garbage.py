"""What a store can do without: what killed processes left, and, if asked for, results that nobody wants.

Safe while a study runs: what was written to within an hour stays, and whether a folder is named by a record
is asked once more before it is removed. Of a bucket many pieces are asked for and removed at once.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from after_ray.errors import DamagedStore
from after_ray.store.artifacts import CHECKPOINTS, Store
from after_ray.store.census import Census
from after_ray.store.keys import KEY_LENGTH
from after_ray.store.ledger import RECORDS, Record, record_file
from after_ray.store.places import Found
from after_ray.store.usage import ORPHANS, artifact_folders
from after_ray.store.walking import size_and_age

HOUR, DAY = 3600.0, 86400.0
ABANDONED_DAYS = 30.0  # after which nobody will go on with an unfinished stage

LEFT_FILES = "leftover temporary files"
SET_ASIDE = "damaged records that were set aside"
RECORDED = "checkpoints of recorded stages"
ABANDONED = "abandoned checkpoints"
SCRATCH = "scratch of launches"
KILLED = "claims of killed launches"
UNWANTED = "results of no study that is kept"

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp|\.probe-[0-9a-f]{8}")
_DAMAGED = re.compile(r"[0-9a-f]{32}\.json\.damaged-[0-9a-f]+")
_TAKEN_OVER = re.compile(r".+\.json\.[0-9a-f]{16}")  # what a launch left that took a lease over
_OF_A_STAGE = re.compile(r"artifacts/[0-9a-f]{2}/[0-9a-f]{32}-[0-9a-f]+")
SCRATCH_FOLDER, CLAIMS, LAUNCHES = "ray", "claims", "launches"  # folders of a store
_NOT_OURS = ("mlartifacts", "ray")  # written by others, below which nothing is looked for


@dataclass(frozen=True)
class Garbage:
    """A file or folder to remove, and what it is. With a `key` its record goes first.

    Pieces of one `turn` go in any order; what rests on another piece has an earlier turn.
    """

    name: str  # in the store
    bytes: int
    what: str
    key: str = ""
    folder: bool = False
    turn: int = 0


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
    removed = []
    for _, pieces in groupby(garbage, lambda piece: piece.turn):
        together = list(pieces)
        gone = store.place.ask_each(partial(_remove, store, now), together)
        removed += [piece for piece, went in zip(together, gone, strict=True) if went]
    return removed


def _orphans(store: Store, folders: list[str], census: Census, now: float) -> Iterator[Garbage]:
    """Folders of stages that no record names; those of records that cannot be read stay."""
    named = {record.folder for record in census.records.values()}
    unnamed = [one for one in folders if one not in named and _key_of(one) not in census.unreadable]
    for folder, size, age in _sizes_and_ages(store, unnamed, now):
        if age > HOUR:
            yield Garbage(folder, size, ORPHANS, folder=True)


def _key_of(folder: str) -> str:
    return folder.rpartition("/")[2][:KEY_LENGTH]


def _sizes_and_ages(store: Store, folders: Iterable[str], now: float) -> Iterator[tuple[str, int, float]]:
    """Each folder, its bytes, and the seconds since it was written to."""
    folders = list(folders)
    looked = store.place.ask_each(lambda folder: size_and_age(store.place, folder, now), folders)
    for folder, (size, age) in zip(folders, looked, strict=True):
        yield folder, size, age


def _left_files(store: Store, now: float) -> Iterator[Garbage]:
    """Temporary files of killed writers and copies, records that were set aside, claims of the dead."""
    claims = []
    for found in store.place.files():
        first, last = found.name.partition("/")[0], found.name.rpartition("/")[2]
        if now - found.written <= HOUR or first in _NOT_OURS:
            continue
        half_copied = first == "cache" and last.endswith(".tmp")
        if half_copied or _TEMPORARY.fullmatch(last) or _TAKEN_OVER.fullmatch(last):
            yield Garbage(found.name, found.bytes, LEFT_FILES)
        elif first == RECORDS and _DAMAGED.fullmatch(last):
            yield Garbage(found.name, found.bytes, SET_ASIDE)
        elif first == LAUNCHES:
            yield Garbage(found.name, found.bytes, KILLED)
        elif first == CLAIMS:
            claims.append(found)
    yield from _of_the_dead(store, claims, now)


def _of_the_dead(store: Store, claims: list[Found], now: float) -> Iterator[Garbage]:
    living = _living(store, now)
    launches = store.place.ask_each(partial(_claimed_by, store), [claim.name for claim in claims])
    for claim, launch in zip(claims, launches, strict=True):
        if launch not in living:
            yield Garbage(claim.name, claim.bytes, KILLED)


def _living(store: Store, now: float) -> set[str]:
    """Launches that were heard of within an hour."""
    heard = (found.name for found in store.place.files(LAUNCHES) if now - found.written <= HOUR)
    return {name.rpartition("/")[2].removesuffix(".json") for name in heard}


def _claimed_by(store: Store, name: str) -> str:
    """The launch that a claim names; empty where it is gone or damaged."""
    try:
        return str(json.loads(store.place.read(name))["launch"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return ""


def _checkpoints(store: Store, census: Census, days: float, now: float) -> Iterator[Garbage]:
    folders = (f"{CHECKPOINTS}/{key}" for key in store.place.folders(CHECKPOINTS))
    for folder, size, age in _sizes_and_ages(store, folders, now):
        if folder.rpartition("/")[2] in census.records and age > HOUR:
            yield Garbage(folder, size, RECORDED, folder=True)
        elif age > max(days * DAY, HOUR):
            yield Garbage(folder, size, ABANDONED, folder=True)


def _scratch(store: Store, now: float) -> Iterator[Garbage]:
    """What launches on clusters told their trials, and were killed before they could remove it."""
    folders = (f"{SCRATCH_FOLDER}/{name}" for name in store.place.folders(SCRATCH_FOLDER))
    for folder, size, age in _sizes_and_ages(store, folders, now):
        if age > DAY:
            yield Garbage(folder, size, SCRATCH, folder=True)


def _unwanted(store: Store, census: Census, keep: frozenset[str], now: float) -> Iterator[Garbage]:
    """Results that are neither kept, nor rested on, nor so new that a running study may need them.

    What rests on others comes first, so that whoever is interrupted leaves no result without its parents.
    """
    new = {key for key, record in census.records.items() if now - record.finished <= HOUR}
    kept = census.with_parents(keep | new)
    generations = list(census.generations(census.records.keys() - kept))
    for turn, keys in enumerate(reversed(generations)):
        records = [census.records[key] for key in reversed(keys)]
        yield from store.place.ask_each(partial(_result, store, turn), records)


def _result(store: Store, turn: int, record: Record) -> Garbage:
    if record.folder:
        size = sum(found.bytes for found in store.place.files(record.folder))
        return Garbage(record.folder, size, UNWANTED, record.key, folder=True, turn=turn)
    name = record_file(record.key)
    return Garbage(name, store.place.size(name) or 0, UNWANTED, record.key, turn=turn)


def _remove(store: Store, now: float | None, piece: Garbage) -> bool:
    if piece.key:  # a kill after this leaves files that no record names, for the next time
        store.ledger.remove(piece.key)
        if not _OF_A_STAGE.fullmatch(piece.name):
            return True  # it had no files, or names a folder that is none of a stage
    elif piece.folder and _in_use(store, piece, time.time() if now is None else now):
        return False
    if piece.folder:
        store.place.remove_folder(piece.name)
        return not any(store.place.files(piece.name))
    store.place.remove(piece.name)
    return store.place.size(piece.name) is None


def _in_use(store: Store, piece: Garbage, now: float) -> bool:
    """Whether a folder is written to now, or named by a record after all, or its record cannot be read."""
    if size_and_age(store.place, piece.name, now)[1] <= HOUR:
        return True
    if piece.what != ORPHANS:
        return False
    try:
        record = store.find(_key_of(piece.name))
    except DamagedStore:
        return True
    return record is not None and record.folder == piece.name
