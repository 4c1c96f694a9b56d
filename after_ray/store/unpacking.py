"""Reading results from a tar file that `archive.py` wrote, as a stream, believing nothing of it."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from after_ray.errors import DamagedStore
from after_ray.files import as_json
from after_ray.store.archive import ARCHIVE_FORMAT, END, HEADER, may_be_kept
from after_ray.store.artifacts import Store
from after_ray.store.code_states import code_file, digest_of_code
from after_ray.store.ledger import Record, parse_record
from after_ray.store.merging import Files, Merged, NotImportable, UnsoundFile, check_files

MOST_JSON = 1 << 27  # bytes of a record; the largest have the ids of a whole corpus
ENDS_EARLY = "it ends early"

_CODE = re.compile(r"provenance/([0-9a-f]{16})\.json")
_RESULT = re.compile(r"results/([0-9a-f]{32})/(record\.json|files/[A-Za-z0-9_][A-Za-z0-9._-]*)")


def merge_archive(store: Store, path: Path) -> Merged:
    """Take everything from an archive.

    Raises:
        NotImportable: when it is none, is damaged, ends early, or holds what no export writes.
    """
    merged = Merged()
    try:
        with tarfile.open(path, "r|") as tar:
            reader = _Reader(tar, path, store)
            for record, files in reader.results():
                merged.take(store, record, files)
                check_files(record, files)  # those that were not taken
    except tarfile.TarError as error:
        raise NotImportable(path, f"it is no such file, or is damaged ({error})") from error
    except UnsoundFile as error:
        raise NotImportable(path, str(error)) from error
    if not reader.ended:
        raise NotImportable(path, ENDS_EARLY)
    return merged


class _Reader:
    """Walks through an archive once; `ended` says whether its end was seen."""

    def __init__(self, tar: tarfile.TarFile, path: Path, store: Store) -> None:
        self._tar, self._path, self._store = tar, path, store
        self._begun = False
        self._count = 0
        self.ended = False

    def results(self) -> Iterator[tuple[Record, Files]]:
        """Each record and its files, which are read before the next record is asked for."""
        other = {HEADER: self._begin, "provenance": self._keep_code, END: self._end}
        for group, members in groupby(self._members(), key=self._group):
            if group not in other:
                self._count += 1
                yield self._result(members)
                continue
            for member in members:
                other[group](member)

    def _members(self) -> Iterator[tarfile.TarInfo]:
        for member in self._tar:
            if not member.isreg() or member.issparse():
                raise NotImportable(self._path, f"'{member.name[:80]}' in it is no plain file")
            yield member

    def _group(self, member: tarfile.TarInfo) -> str:
        """What a member belongs to: the key of its result, or what it is."""
        if self.ended or self._begun == (member.name == HEADER):
            raise NotImportable(self._path, f"'{member.name[:80]}' is in a wrong place of it")
        if member.name in (HEADER, END):
            return member.name
        if _CODE.fullmatch(member.name):
            return "provenance"
        if result := _RESULT.fullmatch(member.name):
            return result[1]
        raise NotImportable(self._path, f"'{member.name[:80]}' in it is nothing that an export writes")

    def _result(self, members: Iterator[tarfile.TarInfo]) -> tuple[Record, Files]:
        first = next(members)
        if not first.name.endswith("/record.json"):
            raise NotImportable(self._path, f"'{first.name}' stands where a record should")
        told = self._json(first)
        try:
            record = parse_record(json.dumps(told.get("record")).encode(), self._path / first.name)
        except DamagedStore as error:
            raise NotImportable(self._path, f"'{first.name}' in it is no record of this version") from error
        if record.key != first.name.split("/")[1]:
            raise NotImportable(self._path, f"'{first.name}' is the record of another result")
        return record, self._files(record, told.get("files"), members)

    def _files(self, record: Record, names: Any, members: Iterator[tarfile.TarInfo]) -> Files:
        """The files of a record: those that it announces, each once, each as long as it should be."""
        if not isinstance(names, list) or not may_be_kept(record, map(str, names)):
            raise NotImportable(self._path, f"the files of {record.key} are not those of its record")
        for name in names:
            member = next(members, None)
            if member is None:
                raise NotImportable(self._path, ENDS_EARLY)
            if member.name != f"results/{record.key}/files/{name}":
                raise NotImportable(self._path, f"the file '{name}' of {record.key} is not in its place")
            yield name, self._opened(member)
        if next(members, None) is not None:
            raise NotImportable(self._path, f"{record.key} has more files in it than it announces")

    def _json(self, member: tarfile.TarInfo) -> dict[str, Any]:
        if member.size > MOST_JSON:
            raise NotImportable(self._path, f"'{member.name}' in it is too large")
        try:
            told = json.loads(self._opened(member).read())
        except ValueError as error:
            raise NotImportable(self._path, f"'{member.name}' in it is damaged ({error})") from error
        if not isinstance(told, dict):
            raise NotImportable(self._path, f"'{member.name}' in it is damaged")
        return told

    def _opened(self, member: tarfile.TarInfo) -> IO[bytes]:
        file = self._tar.extractfile(member)
        assert file is not None  # of a plain file
        return file

    def _begin(self, member: tarfile.TarInfo) -> None:
        self._begun = True
        if self._json(member).get("format") != ARCHIVE_FORMAT:
            raise NotImportable(self._path, "it was written by another version of after-ray")

    def _keep_code(self, member: tarfile.TarInfo) -> None:
        told = self._json(member)
        code = digest_of_code(told)
        if member.name != f"provenance/{code}.json":
            raise NotImportable(self._path, f"'{member.name}' in it is damaged")
        self._store.place.create(code_file(code), as_json(told))

    def _end(self, member: tarfile.TarInfo) -> None:
        self.ended = self._json(member).get("results") == self._count
