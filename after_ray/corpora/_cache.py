"""What earlier scans learnt about audio files, so that an unchanged corpus is not decoded again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from after_ray.files import write_text

VERSION = 1  # raise when an inspection would say something else about the same file


@dataclass(frozen=True)
class Inspection:
    """What decoding a file once showed; `reason` is None for usable audio."""

    seconds: float = 0.0
    sample_rate: int = 0
    audio: str = ""
    reason: str | None = None

    def columns(self) -> dict[str, Any]:
        """The manifest's columns that come from the audio."""
        return {"seconds": self.seconds, "sample_rate": self.sample_rate, "audio": self.audio}


class InspectionCache:
    """Inspections by path and stamp (size and time of change), in one JSON file per copy of a corpus.

    A file that cannot be read is no error: what it held is learnt again.
    """

    def __init__(self, folder: Path, corpus: str, place: str) -> None:
        self._file = folder / f"{corpus}-{hashlib.sha256(place.encode()).hexdigest()[:12]}.json"
        self._known = self._read()
        self._changed = False

    def find(self, path: str, stamp: str) -> Inspection | None:
        """What is known about a file that has not changed."""
        known = self._known.get(path)
        return Inspection(**known["inspection"]) if known and known["stamp"] == stamp else None

    def learn(self, path: str, stamp: str, inspection: Inspection) -> Inspection:
        """Remember an inspection and hand it back; an unusable file is looked at again every time."""
        if inspection.reason is None:
            self._known[path] = {"stamp": stamp, "inspection": asdict(inspection)}
            self._changed = True
        return inspection

    def write(self) -> None:
        """Keep what was learnt, in one step, so that a scan beside this one never reads half of it."""
        if self._changed:
            write_text(self._file, json.dumps({"version": VERSION, "files": self._known}, indent=0))
            self._changed = False

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self._file.read_text())
        except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError):
            return {}
        known = isinstance(content, dict) and content.get("version") == VERSION
        return content["files"] if known else {}
