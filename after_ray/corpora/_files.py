"""Corpora whose utterances are wav or flac files below a root."""

from __future__ import annotations

import errno
import os
from abc import abstractmethod
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from after_ray.audio.decode import Waveform, decode
from after_ray.corpora._base import ListedCorpus
from after_ray.errors import UnknownUtterance
from after_ray.wording import with_hints

# No ogg, mp3 or aiff: libsndfile plays a cut one up to the cut without a word, and what a lossy one sounds
# like, hence its digest, depends on the decoder's version.
SUFFIXES = (".wav", ".flac")
ANOTHER_FORMAT = f"it is neither {' nor '.join(SUFFIXES)}; convert it to one"


class FilesCorpus(ListedCorpus):
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
        status = self._status(path)
        return f"{status.st_size} {status.st_mtime_ns}"

    def size(self, path: str) -> int:
        """Bytes of a file; of the link itself where a link leads nowhere."""
        return self._status(path).st_size

    def read(self, path: str) -> Waveform:
        """Decode one file."""
        return decode(self.root / path)

    def utterance(self, path: str) -> str:
        """The id of the utterance in a file: its path without the suffix, below the corpus' name."""
        return f"{self._name}/{os.path.splitext(path)[0]}"

    def excluded(self, known: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names in `exclude` of utterances that are among the `known` ids, and a note on those that are not.

        Raises:
            UnknownUtterance: for these, unless the settings accept an altered corpus.
        """
        wanted = tuple(dict.fromkeys(self.settings.exclude))
        found = tuple(name for name in wanted if f"{self._name}/{name}" in known)
        unknown = [name for name in wanted if f"{self._name}/{name}" not in known]
        if not unknown:
            return found, ()
        names = {name.partition("/")[2] for name in known}
        if getattr(self.settings, "altered", "refuse") == "refuse":
            raise UnknownUtterance(self._name, unknown, names)
        return found, (f"'exclude' names what is no used utterance: {with_hints(unknown, names)}",)

    def _status(self, path: str) -> os.stat_result:
        file = f"{self.root}/{path}"
        try:
            return os.stat(file)
        except OSError:
            return os.lstat(file)


def files_below(root: Path) -> Iterator[str]:
    """Paths of all files below a folder, posix; hidden ones (macOS leaves some) and loops are left out."""
    if not root.is_dir():
        return
    waiting, seen = [""], {_identity(root)}
    while waiting:
        below = waiting.pop()
        for entry in _visible(root / below):
            path = f"{below}/{entry.name}" if below else entry.name
            if not _is_folder(entry):
                yield path
            elif (identity := _identity(entry)) not in seen:
                seen.add(identity)
                waiting.append(path)


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not entry.name.startswith(".")]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is one, or a link to one; a link that only leads to itself is a file nobody can open."""
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return False


def _identity(entry: os.DirEntry[str] | Path) -> tuple[int, int]:
    status = entry.stat()
    return status.st_dev, status.st_ino
