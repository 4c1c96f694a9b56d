"""Corpora that are folders of wav or flac files whose names say speaker, sentence and emotion."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import ClassVar

from after_ray.corpora._base import Entry, Listing
from after_ray.corpora._contract import Conformity, Contract
from after_ray.corpora._files import ANOTHER_FORMAT, SUFFIXES, FilesCorpus, files_below
from after_ray.corpora._settings import FolderSettings
from after_ray.errors import MissingCorpus, UnknownName
from after_ray.manifest import Manifest


class UnusedFile(Exception):
    """Raised by `parse` for a file of the corpus that is none of its utterances, such as a song."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


class MisnamedFile(Exception):
    """Raised by `parse` for a file whose name does not follow the scheme of its corpus."""


@dataclass
class _Found:
    """The files of a corpus by what they are; `lost`: path and reason of utterances without usable audio."""

    entries: dict[str, Entry] = field(default_factory=dict)
    lost: dict[str, tuple[str, str]] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)
    copies: list[str] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        """Whether there is no file of the corpus."""
        return not (self.entries or self.lost or self.problems or self.unused)


class FolderCorpus(FilesCorpus):
    """A folder in official layout; a subclass says which part of it holds audio and reads the names.

    A file listed twice (some mirrors hold the whole tree a second time, one level deeper) counts once:
    the copy nearest to the root is used. Files that are not audio, such as a readme, are passed over,
    unless their name is that of an utterance of which there is no audio: then it was lost in a conversion.
    """

    layout: ClassVar[str]
    """What is expected below the root, for the error that says it is missing."""
    scheme: ClassVar[str]
    """The scheme of the names, with an example, for the reason a file is refused."""
    folder: ClassVar[re.Pattern[str]]
    """What a folder's path below the root must match, at its end, to hold utterances."""
    contract: ClassVar[Contract | None] = None
    """The official release."""

    def __init__(self, settings: FolderSettings) -> None:
        super().__init__(settings, Path(settings.root))

    @abstractmethod
    def parse(self, path: PurePosixPath) -> Entry:
        """What the name of one file says; the emotion is one of the corpus' own labels.

        Raises:
            UnusedFile: when it is no utterance.
            MisnamedFile: when it follows no scheme.
        """

    def tabled(self) -> Iterable[Entry]:
        """Utterances that tables of the corpus name, each with the path that its audio should have."""
        return ()

    def listing(self) -> Listing:
        """All files of the layout whose labels are used, each utterance once, in the order of their paths."""
        found = _Found()
        for path in self._paths():
            self._sort(path, found)
        if found.nothing:
            raise MissingCorpus(self.settings.title, self.root, self.layout)
        for entry in self.tabled():
            if entry.emotion in self.settings.labels:
                found.lost.setdefault(entry.utterance, (entry.path, "labelled, but there is no audio of it"))
        excluded = self._excluded(found)
        settled = found.entries.keys() | excluded
        return Listing(
            tuple(self._classed(entry) for name, entry in found.entries.items() if name not in excluded),
            (*found.problems, *(missing for name, missing in found.lost.items() if name not in settled)),
            Counter(found.unused.values()),
            tuple(found.copies),
        )

    def conformity(self, manifest: Manifest) -> Conformity:
        """Compare with the official release."""
        if self.contract is None:
            return Conformity()
        left_out = {
            name.partition("/")[2] for name in self.unusable_as_released - set(manifest.table["utterance"])
        }
        return self.contract.check(
            manifest, self.settings.labels, frozenset({*self.settings.exclude, *left_out})
        )

    def _sort(self, path: PurePosixPath, found: _Found) -> None:
        """Put one file where it belongs."""
        is_audio = path.suffix.lower() in SUFFIXES
        try:
            entry = self.parse(path)
        except UnusedFile as error:
            found.unused.setdefault(path.stem, error.kind)
            return
        except MisnamedFile:
            if is_audio:
                found.problems.append((str(path), f"its name does not follow {self.scheme}"))
            return
        if entry.emotion not in self.settings.labels:
            found.unused.setdefault(entry.utterance, entry.emotion)
        elif not is_audio:
            found.lost.setdefault(entry.utterance, (entry.path, ANOTHER_FORMAT))
        elif found.entries.setdefault(entry.utterance, entry) is not entry:
            found.copies.append(entry.path)

    def _excluded(self, found: _Found) -> set[str]:
        """Ids of the utterances that the settings leave out; those without audio can be left out too."""
        excluded = {f"{self.settings.name}/{name}" for name in self.settings.exclude}
        known = found.entries.keys() | found.lost.keys()
        unknown = sorted(excluded - known)
        if unknown and self.settings.altered == "refuse":
            raise UnknownName(
                "utterance to exclude", unknown[0].partition("/")[2], [f"the {len(known)} used ones"]
            )
        return excluded

    def _classed(self, entry: Entry) -> Entry:
        """The entry with its class for the corpus' own label."""
        emotion = self.settings.labels[entry.emotion]
        return entry if emotion == entry.emotion else replace(entry, emotion=emotion)

    def _paths(self) -> Iterator[PurePosixPath]:
        """Files of folders that hold utterances, nearest to the root first."""
        found = [path for path in files_below(self.root) if self.folder.search(path.rpartition("/")[0])]
        return map(PurePosixPath, sorted(found, key=lambda path: (path.count("/"), path)))
