"""What a corpus is: a list of utterances from its official layout, and a way to read each one's audio."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from after_ray.audio.decode import Waveform
from after_ray.corpora._cache import Inspection, InspectionCache
from after_ray.corpora._contract import Conformity
from after_ray.corpora._settings import CorpusSettings
from after_ray.errors import AlteredCorpus, NothingToUse, UnreadableAudio, UnusableAudio
from after_ray.manifest import Manifest
from after_ray.registry import Registry

Progress = Callable[[int, int], None]
UNVOTED = "no vote for a used class"  # what utterances are counted as that are left out by their votes


@dataclass(frozen=True, slots=True)
class Entry:
    """What a corpus' layout, tables and file names say about one utterance.

    `path` is below the root, posix; `votes` is of classes, as a manifest has them.
    """

    utterance: str
    path: str
    speaker: str
    gender: str
    emotion: str
    sentence: str
    session: str = ""
    votes: str = ""


@dataclass(frozen=True)
class Listing:
    """The utterances of a corpus before anybody listened to them.

    `problems`: (path, reason) of files whose names say nothing. `ignored`: how many files each recognised
    label that is not used has. `copies`: files that hold an utterance a second time. `notes`: what else a
    person should know. `excluded`: names of utterances that the settings leave out. `unvoted`: names of
    utterances that are left out because no annotator voted for a used class; `ignored` counts them too.
    """

    entries: tuple[Entry, ...]
    problems: tuple[tuple[str, str], ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    copies: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    unvoted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scan:
    """A corpus as it was found.

    Attributes:
        manifest: the usable utterances.
        problems: (path, reason) of files that cannot be used.
        ignored: files of labels that are not used.
        left_out: (path, reason) of files that are unusable in the official release too, and missed by nobody.
        copies: files that hold an utterance a second time.
        conformity: how this copy agrees with the official release.
        members: the scans of the corpora that this one is merged from.
        notes: what else a person should know; nothing is wrong.
        excluded: names of utterances that the settings leave out; of a merged corpus its members have them.
        unvoted: names of utterances left out because nobody voted for a used class; likewise.
    """

    manifest: Manifest
    problems: tuple[tuple[str, str], ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    left_out: tuple[tuple[str, str], ...] = ()
    copies: tuple[str, ...] = ()
    conformity: Conformity = field(default_factory=Conformity)
    members: tuple[Scan, ...] = ()
    notes: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    unvoted: tuple[str, ...] = ()


class Corpus(ABC):
    """Built from its settings. Most are a `ListedCorpus`; a merged one has the utterances of its members."""

    settings: Any
    """What it was built from; `title` is the corpus' name in the manifest and in tables."""

    @abstractmethod
    def __init__(self, settings: Any) -> None: ...

    @abstractmethod
    def scan(self, cache: Path, progress: Progress | None = None) -> Scan:
        """Find the utterances and inspect their audio; see `scan` below."""

    @abstractmethod
    def place(self) -> str:
        """What tells this copy of the corpus from others on this machine; names what scans keep of it."""

    @abstractmethod
    def read(self, path: str) -> Waveform:
        """The audio behind a manifest's `path`, native rate and channels.

        Raises:
            UnreadableAudio: with the reason.
        """


class ListedCorpus(Corpus):
    """Lists its own utterances. Files in folders are a `FolderCorpus`; others bring their own methods."""

    @abstractmethod
    def listing(self) -> Listing:
        """All utterances, each once.

        Raises:
            MissingCorpus: when there are none where they should be.
        """

    @abstractmethod
    def stamp(self, path: str) -> str:
        """A cheap text that changes when the audio behind `path` does."""

    unusable_as_released: frozenset[str] = frozenset()
    """Utterances that cannot be used in the official release either; they are left out and named."""

    def conformity(self, manifest: Manifest, unvoted: Collection[str] = ()) -> Conformity:
        """How a manifest agrees with the official release; `none` where there is no such thing.

        Args:
            manifest: what was found.
            unvoted: names of utterances that are missing because no annotator voted for a used class.
        """
        return Conformity()

    def scan(self, cache: Path, progress: Progress | None = None) -> Scan:
        """List the corpus, inspect its audio, compare it with its official release."""
        listing = self.listing()
        inspections = _inspect(
            self, listing, InspectionCache(cache, self.settings.title, self.place()), progress
        )
        unusable = [(e, r) for e in listing.entries if (r := inspections[e.path].reason) is not None]
        left_out = tuple((e.path, r) for e, r in unusable if e.utterance in self.unusable_as_released)
        others = ((e.path, r) for e, r in unusable if e.utterance not in self.unusable_as_released)
        problems = (*listing.problems, *others)
        usable = [entry for entry in listing.entries if inspections[entry.path].reason is None]
        self._refuse_unusable(problems, len(usable))
        if not usable:
            raise NothingToUse(self.settings.title, _unused(listing, left_out))
        manifest = Manifest(self.settings.title, _table(usable, inspections))
        if declared := getattr(self.settings, "classes", ()):
            manifest = manifest.declaring(declared)
        conformity = self.conformity(manifest, listing.unvoted)
        if conformity.level == "altered" and self.settings.altered == "refuse":
            raise AlteredCorpus(self.settings.title, conformity.differences)
        return Scan(
            manifest,
            problems,
            dict(sorted(listing.ignored.items())),
            left_out,
            listing.copies,
            conformity,
            notes=listing.notes,
            excluded=listing.excluded,
            unvoted=listing.unvoted,
        )

    def _refuse_unusable(self, problems: Sequence[tuple[str, str]], usable: int) -> None:
        """Refuse problems that the settings do not skip, or that leave nothing."""
        skip = getattr(self.settings, "unusable", "refuse") == "skip"
        if problems and not (skip and usable):
            official = getattr(self.settings, "altered", "accept") == "refuse"
            raise UnusableAudio(self.settings.title, problems, usable, official)


corpora: Registry[Corpus] = Registry("corpus", "after_ray.corpora", Corpus)


def open_source(settings: CorpusSettings) -> Corpus:
    """The corpus that settings describe."""
    return corpora.resolve(settings.name)(settings)


def scan(settings: CorpusSettings, cache: Path, progress: Progress | None = None) -> Scan:
    """List a corpus, inspect its audio, compare it with its contract; unchanged files are not decoded again.

    Args:
        settings: which corpus, where, and what to do about unusable files.
        cache: folder for what earlier scans learnt, one small file per copy of a corpus.
        progress: called with (files done, files in all).

    Raises:
        MissingCorpus: when the root or its layout is missing.
        UnusableAudio: when files are unusable and the settings do not say `skip`, or none is usable.
        NothingToUse: when no utterance has a used label, or all are excluded.
        AlteredCorpus: when it is not the official corpus and the settings do not say `accept`.
    """
    return open_source(settings).scan(cache, progress)


def _inspect(
    corpus: ListedCorpus, listing: Listing, cache: InspectionCache, progress: Progress | None
) -> dict[str, Inspection]:
    """One inspection per path; what was learnt is kept also when the scan is interrupted."""
    result: dict[str, Inspection] = {}
    try:
        for done, entry in enumerate(listing.entries, start=1):
            stamp = corpus.stamp(entry.path)
            found = cache.find(entry.path, stamp)
            result[entry.path] = found or cache.learn(entry.path, stamp, _listen(corpus, entry.path))
            if progress is not None:
                progress(done, len(listing.entries))
    finally:
        cache.write()
    return result


def _listen(corpus: Corpus, path: str) -> Inspection:
    try:
        wave = corpus.read(path)
    except UnreadableAudio as error:
        return Inspection(reason=error.reason)
    return Inspection(seconds=wave.seconds, sample_rate=wave.sample_rate, audio=wave.digest)


def _unused(listing: Listing, left_out: Sequence[tuple[str, str]]) -> dict[str, int]:
    """How many files are not used, by label, and by what else keeps them out."""
    others = {"excluded": len(listing.excluded), "unusable in the official release": len(left_out)}
    return {
        **dict(sorted(listing.ignored.items())),
        **{what: count for what, count in others.items() if count},
    }


def _table(entries: Sequence[Entry], inspections: Mapping[str, Inspection]) -> pd.DataFrame:
    """The manifest's columns; built column by column, so that a million rows cost no million dictionaries."""
    columns: dict[str, list[Any]] = {
        name: [getattr(entry, name) for entry in entries] for name in Entry.__dataclass_fields__
    }
    heard = [inspections[entry.path] for entry in entries]
    for name in ("seconds", "sample_rate", "audio"):
        columns[name] = [getattr(inspection, name) for inspection in heard]
    return pd.DataFrame(columns)
