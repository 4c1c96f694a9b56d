"""Artifacts of stages: folders that are written apart, then named by exactly one ledger record."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.errors import DamagedStore
from after_ray.files import sha256_of
from after_ray.store.cache import NodeCache
from after_ray.store.checkpoints import Checkpoint
from after_ray.store.ledger import Draft, FileEntry, Ledger, Record, record_file
from after_ray.store.places import Place, place_of

# The files of a round, named once for who writes them, who mirrors them and who reads them.
MODEL_FILE = "model.safetensors"
PREDICTIONS_FILE = "predictions.safetensors"
SELECTION_FILE = "selection.safetensors"  # how a round ranked its pool, where its strategy does
SUMMARY_FILE = "summary.safetensors"  # of features: one vector per utterance

ARTIFACTS, CHECKPOINTS = "artifacts", "checkpoints"  # folders of a store
COPIES_BYTES = 10_000_000_000  # of a bucket's files, kept on a node


class Store:
    """A folder or bucket that holds finished stages under their keys; any number of processes may share it.

    A stage writes its files into a `workspace`, then `commit` names them in a write-once record. The
    first writer wins: a second one's files are discarded and it continues from the winner's record.
    """

    def __init__(self, place: Place | Path | str) -> None:
        self.place = place if isinstance(place, Place) else place_of(place)
        self.root = self.place.local  # on this node: the store itself where that is a folder
        self.ledger = Ledger(self.place)

    @cached_property
    def _copies(self) -> NodeCache:
        """Copies of a bucket's files, on this node."""
        return NodeCache(self.root / "copies", COPIES_BYTES)

    @property
    def url(self) -> str:
        """What the store is called, for people and other processes: a path, or the address of a bucket."""
        return self.place.url

    @property
    def address(self) -> str:
        """What another process opens it by, whatever its working directory."""
        return str(self.root.resolve()) if self.place.on_disk else self.url

    def probe(self, room: int = 0) -> None:
        """Create and remove a file of `room` bytes, as every record will be.

        Raises:
            OSError: when the store cannot be written to or has no such room.
            UnfitPlace: when it does not create files exclusively.
        """
        self.place.probe(room)

    def find(self, key: str) -> Record | None:
        """The record of a finished stage, or None."""
        return self.ledger.find(key)

    def reclaim(self, key: str) -> Record | None:
        """Like `find`, for who is about to make what is missing: a damaged record is set aside."""
        return self.ledger.reclaim(key)

    def need(self, key: str) -> Record:
        """The record of a stage that must be finished by now."""
        record = self.find(key)
        if record is None:
            raise DamagedStore(self.place.told(record_file(key)), "the stage is not finished")
        return record

    def checkpoint(self, key: str, every: float) -> Checkpoint:
        """Where the unfinished work of stage `key` keeps its state, at most every so many seconds."""
        return Checkpoint(self.place.below(f"{CHECKPOINTS}/{key}"), every)

    def _send(self, where: str, path: Path) -> None:
        self.place.send(path, f"{where}/{path.name}")

    @contextmanager
    def workspace(self, key: str) -> Iterator[Path]:
        """A folder of one's own, on this node, to write the files of stage `key` into.

        It is removed unless the store is a folder and it was committed there.
        """
        folder = self.root / ARTIFACTS / key[:2] / f"{key}-{secrets.token_hex(4)}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            if not (self.place.on_disk and self._may_be_named(key, folder)):
                shutil.rmtree(folder, ignore_errors=True)

    def _may_be_named(self, key: str, folder: Path) -> bool:
        """Whether the record of `key` names the folder, or the store cannot say."""
        try:
            standing = self.reclaim(key)
        except (DamagedStore, OSError):
            return True
        return standing is not None and standing.folder == self._relative(folder)

    def commit(self, draft: Draft, folder: Path | None = None) -> Record:
        """Finish a stage with the files now in `folder`; returns the record that stands."""
        files = {} if folder is None else {path.name: _entry(path) for path in sorted(folder.iterdir())}
        return self._add(Record(**_fields(draft), files=files), folder)

    def adopt(self, record: Record, folder: Path | None = None) -> Record:
        """Finish a stage with a record made elsewhere, whose files now lie in `folder`."""
        return self._add(record, folder)

    def _add(self, record: Record, folder: Path | None) -> Record:
        """The files go first: a record that stands has all of its files."""
        if folder is None:
            return self.ledger.add(replace(record, folder=""))
        where = self._relative(folder)
        if self.place.on_disk:
            return self.ledger.add(replace(record, folder=where))
        for _ in self.place.ask_each(partial(self._send, where), folder.iterdir()):
            pass  # each has an answer once it is sent
        standing = self.ledger.add(replace(record, folder=where))
        if standing.folder != where:
            self.place.remove_folder(where)
        return standing

    def path(self, record: Record, name: str) -> Path:
        """The path of one file of a finished stage; its size is checked, its digest is not.

        Of a bucket it is a copy on this node, whose digest was checked when it was made; one that was not
        used for long may be removed again.
        """
        if not self.place.on_disk and name in record.files:
            return self._copies.fetch(self, record, name)
        path = self.root / record.folder / name
        entry = record.files.get(name)
        if entry is None or not path.is_file():
            raise DamagedStore(path, f"the record of key {record.key} names no such file or it is gone")
        if path.stat().st_size != entry.bytes:
            raise DamagedStore(
                path, f"it has {path.stat().st_size} bytes, key {record.key} says {entry.bytes}"
            )
        return path

    def fetch(self, record: Record, name: str, path: Path) -> None:
        """Copy one file of a finished stage to a path of this node.

        Raises:
            DamagedStore: when it is gone.
        """
        if self.place.on_disk:
            self.path(record, name)
        try:
            self.place.fetch(f"{record.folder}/{name}", path)
        except FileNotFoundError as error:
            raise DamagedStore(self.told(record, name), "it is gone") from error

    def told(self, record: Record, name: str) -> str:
        """What a file of a finished stage is called, for people."""
        return self.place.told(f"{record.folder}/{name}")

    def has(self, record: Record, name: str) -> bool:
        """Whether a file of a finished stage is (still) there."""
        return name in record.files and self.size(record, name) is not None

    def size(self, record: Record, name: str) -> int | None:
        """Bytes of a file of a finished stage as it is now; None where it is gone."""
        return self.place.size(f"{record.folder}/{name}")

    def sizes(self, records: Collection[Record]) -> dict[str, int]:
        """Bytes of all files of these records that are there, by their names in the store."""
        return self.place.sizes(ARTIFACTS, [f"{one.folder}/{name}" for one in records for name in one.files])

    def drop(self, record: Record, name: str) -> None:
        """Remove one file of a finished stage that can be computed again (intermediate weights)."""
        self.place.remove(f"{record.folder}/{name}")

    def arrays(self, record: Record, name: str) -> dict[str, NDArray[Any]]:
        """The arrays of a safetensors file, its digest checked."""
        from safetensors.numpy import load

        if self.place.on_disk:
            self.path(record, name)
        where = self.told(record, name)
        if name not in record.files:
            raise DamagedStore(where, f"the record of key {record.key} names no such file")
        try:
            data = self.place.read(f"{record.folder}/{name}")
        except FileNotFoundError as error:
            raise DamagedStore(where, "it is gone") from error
        if hashlib.sha256(data).hexdigest() != record.files[name].sha256:
            raise DamagedStore(where, f"its digest differs from the record of key {record.key}")
        return load(data)

    def arrays_if_kept(self, record: Record, name: str) -> dict[str, NDArray[Any]] | None:
        """Like `arrays`, but None where the file was dropped, by this process or another, even just now."""
        try:
            return self.arrays(record, name) if self.has(record, name) else None
        except DamagedStore:
            if self.has(record, name):
                raise
            return None

    def _relative(self, folder: Path) -> str:
        return Path(os.path.relpath(folder, self.root)).as_posix()


class MappedArrays(Mapping[str, NDArray[Any]]):
    """The arrays of a safetensors file on this node's disk, each copied out when it is asked for.

    None of them is held here, and all trials of a node share the system's copy of the file.
    """

    def __init__(self, path: Path) -> None:
        from safetensors import safe_open

        self._file = safe_open(path, framework="numpy")
        self._names = frozenset(self._file.keys())

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        return self._file.get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], about: dict[str, str] | None = None) -> None:
    """Write arrays as one safetensors file (into a workspace, which is not yet visible to anybody).

    `about`: what the header of the file says beside names and shapes.
    """
    from safetensors.numpy import save_file

    save_file({name: np.asarray(value, order="C") for name, value in arrays.items()}, path, about)


def _entry(path: Path) -> FileEntry:
    return FileEntry(sha256=sha256_of(path), bytes=path.stat().st_size)


def _fields(draft: Draft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in asdict(Draft(key="", kind="", meaning={}))}
