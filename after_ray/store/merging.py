"""Taking results of another store into this one: what stands is never replaced, every file is checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from after_ray.errors import AfterRayError
from after_ray.store.archive import CheckedReader, kept_files
from after_ray.store.artifacts import Store
from after_ray.store.census import Census
from after_ray.store.code_states import DIGEST_LENGTH, code_file
from after_ray.store.ledger import RECORDS, Record

Files = Iterable[tuple[str, IO[bytes]]]
BLOCK = 1 << 20  # bytes copied at once

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class NotImportable(AfterRayError):
    """Something that is not results of a store, or is damaged."""

    def __init__(self, source: Path | str, problem: str) -> None:
        super().__init__(
            f"{source} cannot be imported: {problem}. Allowed are a store, or a file of 'after-ray store "
            "export'. What was imported before this was found is whole and stays; the same command goes on."
        )


class UnsoundFile(AfterRayError):
    """A file of a result that is not what the record says."""

    def __init__(self, key: str, name: str) -> None:
        super().__init__(f"the file '{name}' of {key} is not what its record says")


@dataclass
class Merged:
    """What became of the results of another store.

    Attributes:
        imported: results that were added.
        standing: results that were here already, the same to the last bit.
        differing: one sentence for each result that is here with other bits; what was here stays.
        left_out: results that rest on one that differs, or on none.
        unreadable: one sentence for each record of another store that cannot be read.
    """

    imported: int = 0
    standing: int = 0
    differing: list[str] = field(default_factory=list)
    left_out: int = 0
    unreadable: list[str] = field(default_factory=list)
    _refused: set[str] = field(default_factory=set)

    def take(self, store: Store, record: Record, files: Files) -> None:
        """Add one result, unless its key has one; those that it rests on come first.

        Raises:
            UnsoundFile: when a file is not what the record says; nothing of this result is added then.
        """
        standing = store.reclaim(record.key)
        if standing is not None and (others := _differences(standing, record)):
            self._refused.add(record.key)
            self.differing.append(_sentence(standing, others))
        elif standing is not None:
            self.standing += 1
        elif any(parent in self._refused or store.find(parent) is None for parent in record.parents):
            self._refused.add(record.key)
            self.left_out += 1
        else:
            _adopt(store, record, files)
            self.imported += 1


def _differences(here: Record, there: Record) -> list[str]:
    """What of two results of one key is not equal."""
    files = [
        name
        for name in sorted(here.files.keys() | there.files.keys())
        if here.files.get(name) != there.files.get(name)
    ]
    measures = [] if dict(here.measures) == dict(there.measures) else ["measures"]
    picks = [] if here.details.get("acquired") == there.details.get("acquired") else ["picks"]
    return [*files, *measures, *picks]


def _sentence(here: Record, others: list[str]) -> str:
    return (
        f"the {here.kind} result {here.key[:12]} is here with other bits ({', '.join(others)}); what is here "
        "stays, and 'after-ray provenance' on both says how they were made"
    )


def _adopt(store: Store, record: Record, files: Files) -> None:
    with store.workspace(record.key) as folder:
        for name, file in files:
            checked = CheckedReader(file, record.files[name])
            with (folder / name).open("wb") as out:
                while block := checked.read(BLOCK):
                    out.write(block)
            if not checked.sound:
                raise UnsoundFile(record.key, name)
        store.adopt(record, folder if record.files else None)


def check_files(record: Record, files: Files) -> None:
    """Read files that nobody wants.

    Raises:
        UnsoundFile: when one is not what the record says.
    """
    for name, file in files:
        checked = CheckedReader(file, record.files[name])
        while checked.read(BLOCK):
            pass
        if not checked.sound:
            raise UnsoundFile(record.key, name)


def merge_store(store: Store, source: Store) -> Merged:
    """Take everything from another store.

    Raises:
        NotImportable: when it is no store, or has records that name files outside it.
    """
    if RECORDS not in source.place.folders(""):
        raise NotImportable(source.url, "there are no records in it")
    census = Census.of(source)
    merged = Merged(unreadable=list(census.unreadable.values()))
    for key in census.in_order(census.records.keys()):
        record = census.records[key]
        if not _lies_inside(record):
            raise NotImportable(source.url, f"the record {key} names files outside its own folder")
        _take_code(store, source, record)
        try:
            with ExitStack() as stack:
                merged.take(store, record, _opened(source, record, stack))
        except UnsoundFile as error:
            raise NotImportable(source.url, str(error)) from error
    return merged


def _opened(source: Store, record: Record, stack: ExitStack) -> Iterator[tuple[str, IO[bytes]]]:
    """Opened when the first one is asked for: a result that is not taken is not looked at."""
    for name, file in kept_files(source, record).items():
        stack.enter_context(file)
        yield name, file


def _take_code(store: Store, source: Store, record: Record) -> None:
    code = str(record.environment.get("provenance", ""))
    if re.fullmatch(rf"[0-9a-f]{{{DIGEST_LENGTH}}}", code):
        with suppress(FileNotFoundError):
            store.place.create(code_file(code), source.place.read(code_file(code)))


def _lies_inside(record: Record) -> bool:
    folder = rf"artifacts/{record.key[:2]}/{record.key}-[0-9a-f]+"
    its_own = re.fullmatch(folder, record.folder) or not (record.folder or record.files)
    return bool(its_own) and all(_NAME.fullmatch(name) for name in record.files)
