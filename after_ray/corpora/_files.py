"""Corpora whose utterances are wav or flac files below a root."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from after_ray.audio.decode import Waveform, decode
from after_ray.corpora._base import Corpus

# No ogg, mp3 or aiff: libsndfile plays a cut one up to the cut without a word, and what a lossy one sounds
# like, hence its digest, depends on the decoder's version.
SUFFIXES = (".wav", ".flac")
ANOTHER_FORMAT = f"it is neither {' nor '.join(SUFFIXES)}; convert it to one"


class FilesCorpus(Corpus):
    """Says where this copy is and reads its files; a subclass lists them."""

    @abstractmethod
    def __init__(self, settings: Any, root: Path) -> None:
        self.settings = settings
        self.root = root
        self._name = settings.title

    def place(self) -> str:
        """The root's absolute path."""
        return str(self.root.resolve())

    def stamp(self, path: str) -> str:
        """Size and time of the last change; of the link itself where a link leads nowhere."""
        file = f"{self.root}/{path}"
        try:
            status = os.stat(file)
        except FileNotFoundError:
            status = os.lstat(file)
        return f"{status.st_size} {status.st_mtime_ns}"

    def read(self, path: str) -> Waveform:
        """Decode one file."""
        return decode(self.root / path)

    def utterance(self, path: str) -> str:
        """The id of the utterance in a file: its path without the suffix, below the corpus' name."""
        return f"{self._name}/{os.path.splitext(path)[0]}"


def files_below(root: Path) -> Iterator[str]:
    """Paths of all files below a folder, posix; hidden ones (macOS leaves some) and loops are left out."""
    waiting, seen = [""], set()
    while waiting:
        below = waiting.pop()
        for entry in _directory(root / below if below else root):
            if entry.name.startswith("."):
                continue
            path = f"{below}/{entry.name}" if below else entry.name
            if not entry.is_dir():
                yield path
            elif (identity := _identity(entry)) not in seen:
                seen.add(identity)
                waiting.append(path)


def _directory(folder: Path) -> Sequence[os.DirEntry[str]]:
    if not folder.is_dir():
        return ()
    with os.scandir(folder) as entries:
        return list(entries)


def _identity(entry: os.DirEntry[str]) -> tuple[int, int]:
    status = entry.stat()
    return status.st_dev, status.st_ino
