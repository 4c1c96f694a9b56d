"""What a corpus is: a list of utterances from its official layout, and a way to read each one's audio."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from after_ray.audio.decode import Waveform
from after_ray.corpora._cache import Inspection, InspectionCache
from after_ray.corpora._settings import CorpusSettings, FolderSettings
from after_ray.errors import UnreadableAudio, UnusableAudio
from after_ray.manifest import Manifest
from after_ray.registry import Registry

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Entry:
    """What a corpus' layout and file names say about one utterance; `path` is below the root, posix."""

    utterance: str
    path: str
    speaker: str
    gender: str
    emotion: str
    sentence: str
    session: str = ""


@dataclass(frozen=True)
class Listing:
    """The utterances of a corpus before anybody listened to them.

    `problems`: (path, reason) of files whose names say nothing. `ignored`: how many files each recognised
    class that is not used has.
    """

    entries: tuple[Entry, ...]
    problems: tuple[tuple[str, str], ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Scan:
    """A corpus as it was found: usable utterances, files left out with the reason, classes not used."""

    manifest: Manifest
    problems: tuple[tuple[str, str], ...]
    ignored: Mapping[str, int]


class Corpus(ABC):
    """Built from its settings. Files in folders are a `FolderCorpus`; others bring their own four methods."""

    @abstractmethod
    def __init__(self, settings: Any) -> None: ...

    @abstractmethod
    def listing(self) -> Listing:
        """All utterances, each once.

        Raises:
            MissingCorpus: when there are none where they should be.
        """

    @abstractmethod
    def place(self) -> str:
        """What tells this copy of the corpus from others on this machine; names its inspection cache."""

    @abstractmethod
    def stamp(self, path: str) -> str:
        """A cheap text that changes when the audio behind `path` does."""

    @abstractmethod
    def read(self, path: str) -> Waveform:
        """The audio behind a manifest's `path`, native rate and channels.

        Raises:
            UnreadableAudio: with the reason.
        """


corpora: Registry[Corpus] = Registry("corpus", "after_ray.corpora")


def open_source(settings: CorpusSettings) -> Corpus:
    """The corpus that settings describe."""
    return corpora.resolve(settings.name)(settings)


def scan(settings: CorpusSettings, cache: Path, progress: Progress | None = None) -> Scan:
    """List a corpus and inspect its audio; unchanged files are not decoded again.

    Args:
        settings: which corpus, where, and what to do about unusable files.
        cache: folder for what earlier scans learnt, one small file per copy of a corpus.
        progress: called with (files done, files in all).

    Raises:
        MissingCorpus: when the root or its layout is missing.
        UnusableAudio: when files are unusable and the settings do not say `skip`, or none is usable.
    """
    corpus = open_source(settings)
    listing = corpus.listing()
    inspections = _inspect(corpus, listing, InspectionCache(cache, settings.name, corpus.place()), progress)
    usable = [entry for entry in listing.entries if inspections[entry.path].reason is None]
    problems = listing.problems + tuple(
        (entry.path, reason) for entry in listing.entries if (reason := inspections[entry.path].reason)
    )
    skip = isinstance(settings, FolderSettings) and settings.unusable == "skip"
    if problems and not (skip and usable):
        raise UnusableAudio(settings.name, problems)
    rows = [asdict(entry) | inspections[entry.path].columns() for entry in usable]
    return Scan(Manifest(settings.name, pd.DataFrame(rows)), problems, dict(sorted(listing.ignored.items())))


def _inspect(
    corpus: Corpus, listing: Listing, cache: InspectionCache, progress: Progress | None
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
