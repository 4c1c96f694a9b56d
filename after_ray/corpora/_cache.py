"""What earlier scans learnt about audio files, so that an unchanged corpus is not decoded again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from after_ray.files import write_lines

HEAD = "after-ray inspections 3"  # raise when an inspection would say something else about the same file


@dataclass(frozen=True, slots=True)
class Inspection:
    """What decoding a file once showed; `reason` is None for usable audio."""

    seconds: float = 0.0
    sample_rate: int = 0
    audio: str = ""
    reason: str | None = None


class InspectionCache:
    """Inspections by path and stamp (size and time of change), in one text file per copy of a corpus.

    A line per file: path, stamp, seconds, sample rate and digest, separated by tabs. A file that cannot be
    read is no error: what it held is learnt again.
    """

    def __init__(self, folder: Path, corpus: str, place: str) -> None:
        self._file = folder / f"{corpus}-{hashlib.sha256(place.encode()).hexdigest()[:12]}.tsv"
        self._known = dict(self._read())
        self._changed = False

    def find(self, path: str, stamp: str) -> Inspection | None:
        """What is known about a file that has not changed."""
        known = self._known.get(path)
        if known is None or not known.startswith(f"{stamp}\t"):
            return None
        _, seconds, sample_rate, audio = known.split("\t")
        return Inspection(float(seconds), int(sample_rate), audio)

    def learn(self, path: str, stamp: str, inspection: Inspection) -> Inspection:
        """Remember an inspection and hand it back; an unusable file is looked at again every time."""
        if inspection.reason is None and path.isprintable():
            self._known[path] = (
                f"{stamp}\t{inspection.seconds!r}\t{inspection.sample_rate}\t{inspection.audio}"
            )
            self._changed = True
        return inspection

    def write(self) -> None:
        """Keep what was learnt, in one step, so that a scan beside this one never reads half of it."""
        if self._changed:
            write_lines(self._file, self._lines())
            self._changed = False

    def _lines(self) -> Iterator[str]:
        yield HEAD
        for path, known in self._known.items():
            yield f"{path}\t{known}"

    def _read(self) -> Iterator[tuple[str, str]]:
        try:
            with open(self._file, encoding="utf-8") as file:
                if file.readline().rstrip("\n") != HEAD:
                    return
                for line in file:
                    path, _, known = line.rstrip("\n").partition("\t")
                    if known.count("\t") == 3 and line.endswith("\n"):
                        yield path, known
        except (FileNotFoundError, UnicodeDecodeError):
            return
