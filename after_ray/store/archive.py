"""Results as one tar file: written from a store, in an order in which it can be read as a stream.

    after-ray-store.json              format
    provenance/<digest>.json          the code that made results
    results/<key>/record.json         the record, and which of its files follow
    results/<key>/files/<name>        those files
    end.json                          how many results there were

A result comes after those that it rests on, so whoever is interrupted while reading has whole results only.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import tarfile
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from after_ray.errors import AfterRayError, DamagedStore
from after_ray.store.artifacts import MODEL_FILE, Store
from after_ray.store.census import Census
from after_ray.store.code_states import FOLDER, code_file
from after_ray.store.ledger import FORMAT, FileEntry, Record

ARCHIVE_FORMAT = 1
HEADER, END = "after-ray-store.json", "end.json"


class ExistingFile(AfterRayError):
    """A file that an export would replace."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is there already; name another file, or remove it first.")


def export_results(store: Store, keys: Collection[str], census: Census, out: Path) -> None:
    """Write these results into a tar file, which is there whole or not at all.

    Args:
        store: where they are.
        keys: of results, those that they rest on among them (`Census.with_parents`).
        census: the records of the store.
        out: the file to be.

    Raises:
        ExistingFile: when there is such a file.
        DamagedStore: when a file is gone, or not what its record says.
    """
    if out.exists():
        raise ExistingFile(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(6)}.tmp")
    try:
        with tarfile.open(temporary, "w") as tar:
            _write(tar, store, keys, census)
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


def _write(tar: tarfile.TarFile, store: Store, keys: Collection[str], census: Census) -> None:
    _add_json(tar, HEADER, {"format": ARCHIVE_FORMAT})
    records = [census.records[key] for key in census.in_order(keys)]
    codes = {str(record.environment.get("provenance", "")) for record in records}
    for code in sorted(filter(None, codes)):
        path = code_file(store.root, code)
        if path.is_file():
            _add(tar, f"{FOLDER}/{code}.json", path.read_bytes())
    for record in records:
        _add_result(tar, store, record)
    _add_json(tar, END, {"results": len(records)})


def _add_result(tar: tarfile.TarFile, store: Store, record: Record) -> None:
    """The record, then those of its files that are kept, all opened before: one may be dropped just now."""
    with ExitStack() as stack:
        files = {name: stack.enter_context(file) for name, file in kept_files(store, record).items()}
        told = {"format": FORMAT, **asdict(record)}
        _add_json(tar, f"results/{record.key}/record.json", {"record": told, "files": sorted(files)})
        for name in sorted(files):
            checked = CheckedReader(files[name], record.files[name])
            member = _member(f"results/{record.key}/files/{name}", record.files[name].bytes)
            tar.addfile(member, checked)
            if not checked.sound:
                raise DamagedStore(store.root / record.folder / name, "its digest differs from its record")


def kept_files(store: Store, record: Record) -> dict[str, IO[bytes]]:
    """The files of a result that were not dropped, opened.

    Raises:
        DamagedStore: when another one is gone, or one has another size than its record says.
    """
    found: dict[str, IO[bytes]] = {}
    for name in record.files:
        try:
            found[name] = store.path(record, name).open("rb")
        except (DamagedStore, FileNotFoundError):
            if store.has(record, name) or not may_be_kept(record, record.files.keys() - {name}):
                raise
    return found


def may_be_kept(record: Record, names: Iterable[str]) -> bool:
    """Whether a result may consist of these files: all of its own, but for weights that were dropped."""
    lacking = record.files.keys() ^ set(names)
    return not lacking or (record.kind == "round" and lacking == {MODEL_FILE})


class CheckedReader:
    """Reads a file whose size and digest are known; `sound` says at its end whether it was that."""

    def __init__(self, file: IO[bytes], entry: FileEntry) -> None:
        self._file, self._entry = file, entry
        self._digest = hashlib.sha256()
        self._bytes = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        self._digest.update(data)
        self._bytes += len(data)
        return data

    @property
    def sound(self) -> bool:
        """Whether everything that was read is what the record says."""
        return self._bytes == self._entry.bytes and self._digest.hexdigest() == self._entry.sha256


def _add_json(tar: tarfile.TarFile, name: str, value: Any) -> None:
    _add(tar, name, json.dumps(value, sort_keys=True, allow_nan=False).encode())


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    tar.addfile(_member(name, len(data)), io.BytesIO(data))


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member
