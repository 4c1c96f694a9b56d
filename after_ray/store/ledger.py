"""The ledger: one write-once record per finished stage or round. A record is the only sign of "done"."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from after_ray.errors import DamagedRecord, DamagedStore
from after_ray.files import as_json
from after_ray.store.keys import KEY_LENGTH
from after_ray.store.places import Folder, Place

logger = logging.getLogger(__name__)

RECORDS, FAILURES = "ledger", "failures"  # folders of a store
QUARANTINE = 3  # failed attempts after which a stage is left alone until it is retried by name
FORMAT = 1  # of the record file; readers refuse what they do not know
ENVIRONMENT, AFTER_IT = b', "environment": {', b', "files": {'  # in a record file, whose keys are sorted


@dataclass(frozen=True)
class FileEntry:
    """One file of a finished stage, with what is needed to check it."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Draft:
    """What a finished stage has to say, before it is committed.

    Attributes:
        key: digest of `meaning` (see `after_ray.store.keys`).
        kind: audio, features, adaptation or round.
        meaning: the settings that went into the key.
        parents: keys of the stages this one was computed from; charged time follows them.
        measures: numbers (UA, WA, loss, counts); never NaN.
        seconds: wall-clock by phase.
        details: further JSON (acquired ids, confusion, classes, warnings).
        environment: versions, device, threads and how many trials shared the device.
        started, finished: seconds since the epoch.
    """

    key: str
    kind: str
    meaning: Mapping[str, Any]
    parents: tuple[str, ...] = ()
    measures: Mapping[str, float | int | None] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    started: float = 0.0
    finished: float = 0.0


@dataclass(frozen=True)
class Record(Draft):
    """A committed draft: `files` lie in `folder`, relative to the store."""

    folder: str = ""
    files: Mapping[str, FileEntry] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """Why a stage did not finish: one sentence, and where the whole trace is."""

    key: str
    sentence: str
    log: str
    attempts: int
    cause: str = ""  # the error's name; empty in notes of earlier versions
    again: bool = False  # whether trying again may help, as after a full disk

    @property
    def quarantined(self) -> bool:
        """Whether it failed so often that a launch passes it over."""
        return self.attempts >= QUARANTINE


class Ledger:
    """Records under `ledger/`, failures under `failures/`; correctness needs no lock."""

    def __init__(self, place: Place | Path) -> None:
        self._place = Folder(place) if isinstance(place, Path) else place
        self._environments: dict[bytes, Mapping[str, Any]] = {}  # few differ

    def find(self, key: str) -> Record | None:
        """The record of `key`, or None while the stage is not finished."""
        name = record_file(key)
        try:
            text = self._place.read(name)
        except FileNotFoundError:
            return None
        return parse_record(text, self._place.told(name))

    def find_all(self, keys: Collection[str]) -> dict[str, Record]:
        """The records of those of `keys` that are finished; of a bucket many are read at once."""
        return {record.key: record for record in self._place.ask_each(self.find, keys) if record is not None}

    def reclaim_all(self, keys: Collection[str]) -> dict[str, Record]:
        """Like `find_all`, for who is about to make what is missing: damaged records are set aside."""
        found = self._place.ask_each(self.reclaim, keys)
        return {record.key: record for record in found if record is not None}

    def readable(self, keys: Collection[str]) -> dict[str, Record]:
        """Like `find_all`, without records that are damaged."""
        found = self._place.ask_each(self._if_readable, keys)
        return {record.key: record for record in found if record is not None}

    def _if_readable(self, key: str) -> Record | None:
        try:
            return self.find(key)
        except DamagedStore:
            return None

    def environments(self, keys: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """What `environment` says of many, of those that are finished."""
        found = zip(keys, self._place.ask_each(self.environment, keys), strict=True)
        return {key: told for key, told in found if told is not None}

    def environment(self, key: str) -> Mapping[str, Any] | None:
        """What the record of `key` says of where and by what it was made; None where there is no record.

        The rest of the record, a hundred times as long, is read and not parsed.
        """
        try:
            text = self._place.read(record_file(key))
        except FileNotFoundError:
            return None
        parts = text.split(ENVIRONMENT)
        found = b"{" + parts[-1].partition(AFTER_IT)[0]
        if len(parts) == 2 and found not in self._environments:
            with suppress(ValueError):
                self._environments[found] = json.loads(found)
        if len(parts) == 2 and found in self._environments:
            return self._environments[found]
        record = self.find(key)  # of other form
        return None if record is None else record.environment

    def reclaim(self, key: str) -> Record | None:
        """Like `find`, for who is about to make what is missing: a damaged record is set aside.

        Its file stays beside the records under another name, and a warning says so.
        """
        try:
            return self.find(key)
        except DamagedRecord as error:
            name = record_file(key)
            aside = _aside(name)
            if self._place.take_away(name, aside):  # else another process set it aside just now
                logger.warning("%s It is now %s.", error, aside.rpartition("/")[2])
                self._put_back_if_sound(aside, name)
            return self.find(key)

    def set_aside(self, record: Record) -> bool:
        """Take a record away that its files do not bear out, so that its stage is computed again.

        Its file stays beside the records under another name. False where another process did so before; a
        record that was written since stays.
        """
        name = record_file(record.key)
        aside = _aside(name)
        if not self._place.take_away(name, aside):
            return False
        if self._names(aside, record.folder):
            return True
        self._put_back_if_sound(aside, name)
        return False

    def add(self, record: Record) -> Record:
        """Write `record` unless its key has one; return the one that stands (the first writer's)."""
        data = json.dumps({"format": FORMAT, **asdict(record)}, sort_keys=True, allow_nan=False).encode()
        if self._place.create(record_file(record.key), data):
            self._place.remove(_failure_file(record.key))
            return record
        return self.reclaim(record.key) or self.add(record)

    def remove(self, key: str) -> None:
        """Take a record away for good; what rests on it is the caller's care."""
        self._place.remove(record_file(key))

    def finished(self) -> set[str]:
        """Keys of all finished stages, by one listing."""
        stems = (name.rpartition("/")[2] for name in self._place.names(RECORDS))
        return {stem[:-5] for stem in stems if stem.endswith(".json") and len(stem) == KEY_LENGTH + 5}

    def fail(
        self,
        key: str,
        sentence: str,
        log: str = "",
        cause: str = "",
        attempts: int = 1,
        again: bool = False,
    ) -> Failure | None:
        """Note that `key` failed, once more or `attempts` times more; a record removes the note.

        None where a record stands: the process was lost after it had finished.

        A note that the store refuses is not kept: the sentence has been said, and the stage is tried again.
        """
        earlier = None
        with suppress(OSError):
            earlier = self._failure(_failure_file(key))
        before = earlier.attempts if earlier else 0
        failure = Failure(key, sentence, log, attempts + before, cause, again)
        with suppress(OSError):
            self._place.write(_failure_file(key), as_json(asdict(failure)))
            if self._place.size(record_file(key)) is not None:
                self.forgive([key])
                return None
        return failure

    def forgive(self, keys: Iterable[str]) -> None:
        """Remove the notes of these failures, so that the stages are tried as if for the first time."""
        for key in keys:
            self._place.remove(_failure_file(key))

    def failures(self) -> dict[str, Failure]:
        """All failures of stages that have no record."""
        names = sorted(name for name in self._place.names(FAILURES) if name.endswith(".json"))
        notes = self._place.ask_each(self._failure, names)
        return {note.key: note for note in notes if note is not None}

    def _failure(self, name: str) -> Failure | None:
        """A note of failure; None when there is none, or none any more."""
        try:
            return Failure(**json.loads(self._place.read(name)))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            return None  # half written by a failing disk: the failure counts as the first

    def _names(self, name: str, folder: str) -> bool:
        """Whether a record's file names this folder for its files: every writer has one of its own."""
        try:
            return parse_record(self._place.read(name), name).folder == folder
        except DamagedStore:
            return True

    def _put_back_if_sound(self, aside: str, name: str) -> None:
        """Undo what took away a sound record, which another wrote between the look and the taking."""
        with suppress(DamagedStore):
            text = self._place.read(aside)
            parse_record(text, name)
            self._place.create(name, text)
            self._place.remove(aside)


def record_file(key: str) -> str:
    """Where in a store the record of a key is."""
    return f"{RECORDS}/{key[:2]}/{key}.json"


def _failure_file(key: str) -> str:
    return f"{FAILURES}/{key}.json"


def _aside(name: str) -> str:
    return f"{name}.damaged-{secrets.token_hex(4)}"


def parse_record(text: bytes, path: Path | str) -> Record:
    """What the bytes of a record's file say; `path` is told where they are none.

    Raises:
        DamagedRecord: when they are no record.
        DamagedStore: when another version wrote it.
    """
    try:
        value = json.loads(text)
        if value.pop("format") != FORMAT:
            raise DamagedStore(path, "it was written by another version of after-ray")
        files = {name: FileEntry(**entry) for name, entry in value.pop("files").items()}
        return Record(files=files, parents=tuple(value.pop("parents")), **value)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedRecord(path, f"it is not a record: {error}") from error
