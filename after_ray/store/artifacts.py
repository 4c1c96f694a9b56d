"""Artifacts of stages: folders that are written apart, then named by exactly one ledger record."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.errors import DamagedStore
from after_ray.files import create_exclusive, sha256_of, take_room
from after_ray.store.ledger import Draft, FileEntry, Ledger, Record
from after_ray.store.places import Place, place_of

# The files of a round, named once for who writes them, who mirrors them and who reads them.
MODEL_FILE = "model.safetensors"
PREDICTIONS_FILE = "predictions.safetensors"
SELECTION_FILE = "selection.safetensors"  # how a round ranked its pool, where its strategy does
SUMMARY_FILE = "summary.safetensors"  # of features: one vector per utterance


class Store:
    """A folder that holds finished stages under their keys; any number of processes may share it.

    A stage writes its files into a `workspace`, then `commit` names them in a write-once record. The
    first writer wins: a second one's files are discarded and it continues from the winner's record.
    """

    def __init__(self, place: Place | Path | str) -> None:
        self.place = place if isinstance(place, Place) else place_of(place)
        self.root = self.place.local  # on this node: the store itself where that is a folder
        self.ledger = Ledger(self.root)

    @property
    def url(self) -> str:
        """What the store is called, for people and other processes: a path, or the address of a bucket."""
        return self.place.url

    def probe(self, room: int = 0) -> None:
        """Create, link and remove a file of `room` bytes, as every record will be.

        Raises:
            OSError: when the store cannot be written to or has no such room, or its file system cannot link.
        """
        path = self.root / f".probe-{secrets.token_hex(4)}"
        create_exclusive(path, b"")
        try:
            if room > 0:
                take_room(path, room)
        finally:
            path.unlink()

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
            raise DamagedStore(self.root / "ledger" / key[:2] / f"{key}.json", "the stage is not finished")
        return record

    @contextmanager
    def workspace(self, key: str) -> Iterator[Path]:
        """A folder of one's own to write the files of stage `key` into; removed unless committed."""
        folder = self.root / "artifacts" / key[:2] / f"{key}-{secrets.token_hex(4)}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            if not self._may_be_named(key, folder):
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
        where = "" if folder is None else self._relative(folder)
        return self.ledger.add(Record(**_fields(draft), folder=where, files=files))

    def adopt(self, record: Record, folder: Path | None = None) -> Record:
        """Finish a stage with a record made elsewhere, whose files now lie in `folder`."""
        return self.ledger.add(replace(record, folder="" if folder is None else self._relative(folder)))

    def path(self, record: Record, name: str) -> Path:
        """The path of one file of a finished stage; its size is checked, its digest is not."""
        path = self.root / record.folder / name
        entry = record.files.get(name)
        if entry is None or not path.is_file():
            raise DamagedStore(path, f"the record of key {record.key} names no such file or it is gone")
        if path.stat().st_size != entry.bytes:
            raise DamagedStore(
                path, f"it has {path.stat().st_size} bytes, key {record.key} says {entry.bytes}"
            )
        return path

    def has(self, record: Record, name: str) -> bool:
        """Whether a file of a finished stage is (still) there."""
        return name in record.files and (self.root / record.folder / name).is_file()

    def size(self, record: Record, name: str) -> int | None:
        """Bytes of a file of a finished stage as it is now; None where it is gone."""
        try:
            return os.stat(f"{self.root}/{record.folder}/{name}").st_size
        except FileNotFoundError:
            return None

    def drop(self, record: Record, name: str) -> None:
        """Remove one file of a finished stage that can be computed again (intermediate weights)."""
        (self.root / record.folder / name).unlink(missing_ok=True)

    def arrays(self, record: Record, name: str) -> dict[str, NDArray[Any]]:
        """The arrays of a safetensors file, its digest checked."""
        from safetensors.numpy import load

        path = self.path(record, name)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise DamagedStore(path, "it is gone") from error
        if hashlib.sha256(data).hexdigest() != record.files[name].sha256:
            raise DamagedStore(path, f"its digest differs from the record of key {record.key}")
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


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as one safetensors file (into a workspace, which is not yet visible to anybody)."""
    from safetensors.numpy import save_file

    save_file({name: np.asarray(value, order="C") for name, value in arrays.items()}, path)


def _entry(path: Path) -> FileEntry:
    return FileEntry(sha256=sha256_of(path), bytes=path.stat().st_size)


def _fields(draft: Draft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in asdict(Draft(key="", kind="", meaning={}))}
