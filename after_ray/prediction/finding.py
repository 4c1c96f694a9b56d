"""Which recordings are meant by files and folders that somebody names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from after_ray.prediction.predicting import Refused, Unusable

AUDIO = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64"}
)
UNHEARD = frozenset(
    {".m4a", ".m4b", ".aac", ".mp4", ".mov", ".mkv", ".webm", ".wma", ".amr", ".3gp", ".ape", ".wv"}
)  # sound as well, which libsndfile does not decode


@dataclass
class Found:
    """Recordings in the order of their names on the command line, those of a folder sorted.

    `refused`: folders in which there is nothing, or that cannot be read. `repeated`: how many were named
    again; each is taken once. `linked`: folders that are links, which are not followed: one may lead to a
    folder above it. `unheard`: files with sound that is not decoded.
    """

    files: list[Path] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    repeated: int = 0
    linked: list[Path] = field(default_factory=list)
    unheard: list[Path] = field(default_factory=list)


def find(named: Sequence[Path]) -> Found:
    """Files as they are named, whatever they are called, and of folders all that end as audio does."""
    found, known = Found(), set[str]()
    for path in named:
        for file in _of_folder(path, found) if path.is_dir() else [path]:
            place = os.path.abspath(file)
            if place in known:
                found.repeated += 1
            else:
                known.add(place)
                found.files.append(file)
    return found


def _of_folder(folder: Path, found: Found) -> list[Path]:
    refused, files = found.refused, []
    before = len(refused)

    def told(error: OSError) -> None:
        path = Path(os.fsdecode(error.filename))
        refused.append(_refusal(path, f"it cannot be opened: {error.strerror}"))

    for here, folders, names in os.walk(folder, onerror=told):
        files += _ending(here, names, AUDIO)
        found.unheard += _ending(here, names, UNHEARD)
        found.linked += [path for name in folders if (path := Path(here) / name).is_symlink()]
    if not files and len(refused) == before:
        refused.append(_refusal(folder, f"no file below it ends as audio does ({', '.join(sorted(AUDIO))})"))
    return sorted(files)


def _ending(here: str, names: Sequence[str], ends: frozenset[str]) -> list[Path]:
    return [Path(here) / name for name in names if Path(name).suffix.lower() in ends]


def _refusal(path: Path, reason: str) -> Refused:
    return Refused(path, str(Unusable(path, reason)))
