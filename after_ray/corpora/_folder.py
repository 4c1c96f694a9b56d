"""Corpora that are folders of wav or flac files whose names say speaker, sentence and emotion."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import ClassVar

from after_ray.audio.decode import Waveform, decode
from after_ray.corpora._base import Corpus, Entry, Listing
from after_ray.corpora._settings import FolderSettings
from after_ray.errors import MissingCorpus

SUFFIXES = (".wav", ".flac")


class UnusedClass(Exception):
    """Raised by `parse` for a file of a class that is recognised and not used."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


class MisnamedFile(Exception):
    """Raised by `parse` for a file whose name does not follow the scheme of its corpus."""


class FolderCorpus(Corpus):
    """A folder in official layout; a subclass says which part of it holds audio and reads the names.

    A file listed twice (some mirrors hold the whole tree a second time, one level deeper) counts once:
    the copy nearest to the root is used. Files that are not audio, such as a readme, are passed over,
    unless their name is that of an utterance of which there is no audio: then it was lost in a conversion.
    """

    layout: ClassVar[str]
    """What is expected below the root, for the error that says it is missing."""
    scheme: ClassVar[str]
    """The scheme of the names, with an example, for the reason a file is refused."""
    pattern: ClassVar[str]
    """Glob of the files below the root, whatever their suffix."""

    def __init__(self, settings: FolderSettings) -> None:
        self.root = Path(settings.root)

    @abstractmethod
    def parse(self, path: PurePosixPath) -> Entry:
        """What the name of one file says.

        Raises:
            UnusedClass: when its class is not used.
            MisnamedFile: when it follows no scheme.
        """

    def listing(self) -> Listing:
        """All files of the layout, each utterance once, in the order of their paths."""
        entries: dict[str, Entry] = {}
        foreign: dict[str, Entry] = {}
        problems: dict[str, str] = {}
        unused: dict[str, str] = {}
        for path in self._paths():
            is_audio = path.suffix.lower() in SUFFIXES
            try:
                entry = self.parse(path)
                (entries if is_audio else foreign).setdefault(entry.utterance, entry)
            except UnusedClass as error:
                unused.setdefault(path.stem, error.name)
            except MisnamedFile:
                if is_audio:
                    problems[str(path)] = f"its name does not follow {self.scheme}"
        without_audio = [entry.path for name, entry in foreign.items() if name not in entries]
        problems |= dict.fromkeys(without_audio, f"it is neither {' nor '.join(SUFFIXES)}; convert it to one")
        if not (entries or problems or unused):
            raise MissingCorpus(self._name, self.root, self.layout)
        return Listing(tuple(entries.values()), tuple(problems.items()), Counter(unused.values()))

    def place(self) -> str:
        """The root's absolute path."""
        return str(self.root.resolve())

    def stamp(self, path: str) -> str:
        """Size and time of the last change; of the link itself where a link leads nowhere."""
        file = self.root / path
        status = file.stat() if file.exists() else file.lstat()
        return f"{status.st_size} {status.st_mtime_ns}"

    def read(self, path: str) -> Waveform:
        """Decode one file."""
        return decode(self.root / path)

    @property
    def _name(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    def _paths(self) -> Iterator[PurePosixPath]:
        """Files below the root, nearest first, without the hidden ones (macOS leaves some)."""
        found = (
            PurePosixPath(path.relative_to(self.root).as_posix())
            for path in self.root.glob(self.pattern)
            if not path.name.startswith(".") and not path.is_dir()
        )
        return iter(sorted(found, key=lambda path: (len(path.parts), str(path))))
