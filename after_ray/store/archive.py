"""Results as one tar file: written from a store, in an order in which it can be read as a stream.

    after-ray-store.json              format
    provenance/<digest>.json          the code that made results
    results/<key>/record.json         the record, and which of its files follow
    results/<key>/files/<name>        those files
    end.json                          how many results there were

A result comes after those that it rests on, so whoever is interrupted while reading has whole results only.
A result that is damaged, or rests on one that is, is not in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tarfile
from collections.abc import Collection, Iterable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from after_ray.errors import AfterRayError, DamagedStore
from after_ray.store.artifacts import MODEL_FILE, Store
from after_ray.store.census import Census
from after_ray.store.code_states import FOLDER, code_file
from after_ray.store.ledger import FORMAT, FileEntry, Record
from after_ray.wording import counted

ARCHIVE_FORMAT = 1
HEADER, END = "after-ray-store.json", "end.json"


class ExistingFile(AfterRayError):
    """A file that an export would replace."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is there already; name another file, or remove it first.")


class NothingWhole(AfterRayError):
    """An export of results none of which is whole."""

    def __init__(self, count: int, first: str) -> None:
        super().__init__(
            f"None of the {counted(count, 'result')} that were asked for is whole, so nothing was exported; "
            f"the first: {first}"
        )


@dataclass
class Exported:
    """What an archive holds: a number of results, and for each that is not in it a sentence that says why."""

    results: int = 0
    left_out: dict[str, str] = field(default_factory=dict)


def export_results(store: Store, keys: Collection[str], census: Census, out: Path) -> Exported:
    """Write results and all that they rest on into a tar file, which is there whole or not at all.

    A result whose record cannot be read, or of which a file is gone or not what its record says, is left out
    with what rests on it.

    Args:
        store: where they are.
        keys: of results; those that have no record are passed over.
        census: the records of the store.
        out: the file to be.

    Raises:
        ExistingFile: when there is such a file.
        NothingWhole: when every one of them would be left out.
    """
    if out.exists():
        raise ExistingFile(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("wb") as file:
            exported = _write(file, store, keys, census)
        if exported.left_out and not exported.results:
            raise NothingWhole(len(exported.left_out), next(iter(exported.left_out.values())))
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
    return exported


def _write(out: IO[bytes], store: Store, keys: Collection[str], census: Census) -> Exported:
    wanted = census.with_parents(keys)
    records = [census.records[key] for key in census.in_order(wanted)]
    rested_on = {parent for record in records for parent in record.parents}
    concerned = census.unreadable.keys() & (rested_on | set(keys))
    exported = Exported(left_out={key: census.unreadable[key] for key in sorted(concerned)})
    _add_json(out, HEADER, {"format": ARCHIVE_FORMAT})
    _add_codes(out, store, records)
    for record in records:
        begin = out.tell()
        try:
            _refuse_without_parents(record, census, exported)
            _add_result(out, store, record)
            exported.results += 1
        except (AfterRayError, FileNotFoundError) as error:
            exported.left_out[record.key] = str(error)
            out.seek(begin)
            out.truncate()
    _add_json(out, END, {"results": exported.results})
    out.write(bytes(2 * tarfile.BLOCKSIZE))  # how a tar file ends
    out.write(bytes(-out.tell() % tarfile.RECORDSIZE))
    return exported


def _refuse_without_parents(record: Record, census: Census, exported: Exported) -> None:
    for parent in record.parents:
        if parent in exported.left_out or parent not in census.records:
            raise AfterRayError(
                f"The {record.kind} result {record.key} rests on {parent}, which is damaged or gone; "
                "'after-ray run' computes both again."
            )


def _add_codes(out: IO[bytes], store: Store, records: Iterable[Record]) -> None:
    codes = {str(record.environment.get("provenance", "")) for record in records}
    for code in sorted(filter(None, codes)):
        with suppress(FileNotFoundError):
            _add(out, f"{FOLDER}/{code}.json", store.place.read(code_file(code)))


def _add_result(out: IO[bytes], store: Store, record: Record) -> None:
    """The record, then those of its files that are kept, all opened before: one may be dropped just now."""
    with ExitStack() as stack:
        files = {name: stack.enter_context(file) for name, file in kept_files(store, record).items()}
        told = {"format": FORMAT, **asdict(record)}
        _add_json(out, f"results/{record.key}/record.json", {"record": told, "files": sorted(files)})
        for name in sorted(files):
            checked = CheckedReader(files[name], record.files[name])
            _add_header(out, f"results/{record.key}/files/{name}", record.files[name].bytes)
            shutil.copyfileobj(checked, out)
            _fill_block(out)
            if not checked.sound:
                where = store.told(record, name)
                raise DamagedStore(where, "its digest differs from its record")


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


def _add_json(out: IO[bytes], name: str, value: Any) -> None:
    _add(out, name, json.dumps(value, sort_keys=True, allow_nan=False).encode())


def _add(out: IO[bytes], name: str, data: bytes) -> None:
    _add_header(out, name, len(data))
    out.write(data)
    _fill_block(out)


def _add_header(out: IO[bytes], name: str, size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    out.write(member.tobuf())


def _fill_block(out: IO[bytes]) -> None:
    """Members of a tar file begin at whole blocks; `TarFile` itself could not take back a damaged one."""
    out.write(bytes(-out.tell() % tarfile.BLOCKSIZE))
