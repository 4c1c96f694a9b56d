"""Corpora that are folders of wav or flac files whose names say speaker, sentence and emotion."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import ClassVar

from after_ray.corpora._base import UNVOTED, Entry, Listing
from after_ray.corpora._contract import Conformity, Contract
from after_ray.corpora._files import ANOTHER_FORMAT, SUFFIXES, FilesCorpus, files_below
from after_ray.corpora._settings import FolderSettings
from after_ray.errors import MissingCorpus
from after_ray.manifest import Manifest
from after_ray.wording import counted, printable


class UnusedFile(Exception):
    """Raised by `parse` for a file of the corpus that is none of its utterances, such as a song."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


class MisnamedFile(Exception):
    """Raised by `parse` for a file whose name does not follow the scheme of its corpus."""


class LostUtterance(Exception):
    """Raised by `parse` for a file of an utterance that cannot be used, for this reason."""

    def __init__(self, utterance: str, reason: str) -> None:
        self.utterance, self.reason = utterance, reason
        super().__init__(reason)


@dataclass
class _Found:
    """The files of a corpus by what they are.

    `lost`: path and reason of utterances without usable audio, or without votes where these are wanted.
    `copies`: files that hold an utterance a second time, each with the path of the one that is used.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    lost: dict[str, tuple[str, str]] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)

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
    beside: ClassVar[re.Pattern[str] | None] = None
    """What the path of a folder matches in which the official release holds other audio."""
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
            LostUtterance: when the corpus lacks what it should say about it.
        """

    def tabled(self) -> Iterable[Entry]:
        """Utterances that tables of the corpus name, each with the path that its audio should have."""
        return ()

    def listing(self) -> Listing:
        """All files of the layout whose labels are used, each utterance once, in the order of their paths."""
        found = _Found()
        inside, outside = self._audio_and_others()
        for path in inside:
            self._sort(path, found)
        if found.nothing:
            raise self.missing()
        for entry in self.tabled():
            if entry.emotion in self.settings.labels:
                found.lost.setdefault(entry.utterance, (entry.path, "labelled, but there is no audio of it"))
        excluded, notes = self.excluded(found.entries.keys() | found.lost.keys())
        left_out = {f"{self.settings.name}/{name}" for name in excluded}
        settled = found.entries.keys() | left_out
        stay = [entry for name, entry in found.entries.items() if name not in left_out]
        voted = [entry for entry in stay if entry.votes or not self.settings.voted]
        unvoted = {entry.utterance for entry in stay} - {entry.utterance for entry in voted}
        return Listing(
            tuple(self._classed(entry) for entry in voted),
            (*found.problems, *(missing for name, missing in found.lost.items() if name not in settled)),
            Counter([*found.unused.values(), *[UNVOTED] * len(unvoted)]),
            tuple(found.copies),
            (*notes, *self._outside(outside), *self._unlike(found.copies)),
            excluded,
            tuple(sorted(name.partition("/")[2] for name in unvoted)),
        )

    def missing(self) -> MissingCorpus:
        """The error that nothing is in the layout; it names a parent of the root below which all would be."""
        return MissingCorpus(self.settings.title, self.root, self.layout, self._above())

    def release(self) -> Contract | None:
        """The official release, by the labels that the settings want."""
        return self.contract

    def conformity(self, manifest: Manifest, unvoted: Collection[str] = ()) -> Conformity:
        """Compare with the official release; utterances that votes leave out are not missing."""
        release = self.release()
        if release is None:
            return Conformity()
        left_out = {
            name.partition("/")[2] for name in self.unusable_as_released - set(manifest.table["utterance"])
        }
        excluded = frozenset({*self.settings.exclude, *left_out, *unvoted})
        return release.check(manifest, self.settings.labels, excluded)

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
        except LostUtterance as error:
            found.lost.setdefault(error.utterance, (str(path), error.reason))
            return
        if entry.emotion not in self.settings.labels:
            found.unused.setdefault(entry.utterance, entry.emotion)
        elif not is_audio:
            found.lost.setdefault(entry.utterance, (entry.path, ANOTHER_FORMAT))
        elif found.entries.setdefault(entry.utterance, entry) is not entry:
            found.copies[entry.path] = found.entries[entry.utterance].path

    def _classed(self, entry: Entry) -> Entry:
        """The entry with its class for the corpus' own label."""
        emotion = self.settings.labels[entry.emotion]
        return entry if emotion == entry.emotion else replace(entry, emotion=emotion)

    def _audio_and_others(self) -> tuple[list[PurePosixPath], list[str]]:
        """Files of folders that hold utterances, nearest to the root first; audio files of others."""
        inside, outside = [], []
        for path in files_below(self.root):
            folder = path.rpartition("/")[0]
            if self.folder.search(folder):
                inside.append(path)
            elif path.lower().endswith(SUFFIXES) and not (self.beside and self.beside.search(folder)):
                outside.append(path)
        nearest_first = sorted(inside, key=lambda path: (path.count("/"), path))
        return [PurePosixPath(path) for path in nearest_first], sorted(outside)

    def _above(self) -> Path | None:
        """The nearest folder above the root below which the root's audio would be in the layout."""
        root = self.root.absolute()
        folders = {Path(path).parent for path in self._audio_and_others()[1]}
        for above in root.parents:
            if any(self.folder.search((root.relative_to(above) / f).as_posix()) for f in folders):
                return above
        return None

    def _outside(self, paths: list[str]) -> Iterator[str]:
        """A note on audio files that nobody looks at because of the folder they are in."""
        if paths:
            files = counted(len(paths), "audio file")
            yield f"outside of {self.layout}, and not used: {files}, first {printable(paths[0])}"

    def _unlike(self, copies: Mapping[str, str]) -> Iterator[str]:
        """A note on second copies that cannot be the same bytes; those in another codec never are."""
        same_codec = ((copy, used) for copy, used in copies.items() if _suffix(copy) == _suffix(used))
        other = [copy for copy, used in same_codec if self.size(copy) != self.size(used)]
        if other:
            differ = counted(len(other), "second copy differs", "second copies differ")
            first = f"first {printable(other[0])}; they are not compared further"
            yield f"{differ} in size from the file that is used, {first}"


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()
