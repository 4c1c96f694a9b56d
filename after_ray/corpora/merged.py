"""Several corpora as one (AFTER's "Merged"): what tells their speakers and sentences apart is their name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from after_ray.audio.decode import Waveform
from after_ray.corpora._base import Corpus, Progress, Scan, corpora, open_source
from after_ray.corpora._contract import worst
from after_ray.corpora._settings import FolderSettings, MergedSettings
from after_ray.errors import AfterRayError, UntestedClasses
from after_ray.manifest import Manifest

TOLD_APART = ("path", "speaker", "sentence", "session")


@corpora.register("merged")
class Merged(Corpus):
    """The utterances of its members; an id keeps naming the member, `emodb/03a01Fa`."""

    def __init__(self, settings: MergedSettings) -> None:
        self.settings = settings

    @cached_property
    def members(self) -> dict[str, Corpus]:
        """The members by the name that their utterances begin with."""
        return {member.title: open_source(member) for member in self.settings.members}

    def place(self) -> str:
        """The places of all members."""
        return " ".join(corpus.place() for corpus in self.members.values())

    def read(self, path: str) -> Waveform:
        """Read the member's utterance."""
        corpus, below = self._member(path)
        return corpus.read(below)

    def scan(self, cache: Path, progress: Progress | None = None) -> Scan:
        """Scan every member, each with its own cache and contract, and put the manifests together.

        Raises:
            AfterRayError: what is wrong with a member; MissingCorpus names it and its folder.
        """
        return self.together({name: corpus.scan(cache, progress) for name, corpus in self.members.items()})

    def together(self, scans: Mapping[str, Scan]) -> Scan:
        """The scans of all members, by name, as one.

        Raises:
            UntestedClasses: when a member has classes that the test corpus does not have.
        """
        self._refuse_other_classes(scans)
        tables = [_table_told_apart(name, scan.manifest.table) for name, scan in scans.items()]
        return Scan(
            Manifest(self.settings.title, pd.concat(tables, ignore_index=True)),
            tuple(_prefixed(scans, "problems")),
            {f"{label} ({name})": n for name, scan in scans.items() for label, n in scan.ignored.items()},
            tuple(_prefixed(scans, "left_out")),
            tuple(f"{name}/{path}" for name, scan in scans.items() for path in scan.copies),
            worst({name: scan.conformity for name, scan in scans.items()}),
            tuple(scans.values()),
            tuple(f"{name}: {note}" for name, scan in scans.items() for note in scan.notes),
        )

    def _refuse_other_classes(self, scans: Mapping[str, Scan]) -> None:
        """Refuse a class that is trained on and never tested: mostly labels that were not mapped."""
        if not self.settings.test_corpus:
            return
        classes = {
            member.title: _classes(member, scans[member.title].manifest) for member in self.settings.members
        }
        for name, found in classes.items():
            others = sorted(found - classes[self.settings.test_corpus])
            if others:
                raise UntestedClasses(self.settings.title, name, others, self.settings.test_corpus)

    def _member(self, path: str) -> tuple[Corpus, str]:
        name, _, below = path.partition("/")
        if name not in self.members:
            raise AfterRayError(
                f"'{path}' is in none of the members {', '.join(self.members)}; scan them again."
            )
        return self.members[name], below


def _classes(settings: Any, manifest: Manifest) -> set[str]:
    """The classes that a member can have; of a corpus without an official release those that it has."""
    official = isinstance(settings, FolderSettings)
    return set(settings.labels.values()) if official else set(manifest.table["emotion"])


def _table_told_apart(name: str, table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{column: [_told_apart(name, v) for v in table[column]] for column in TOLD_APART})


def _told_apart(name: str, value: str) -> str:
    """`03` of emodb is `emodb/03`; what is unknown stays so."""
    return f"{name}/{value}" if value else ""


def _prefixed(scans: Mapping[str, Scan], field: str) -> Iterator[tuple[str, str]]:
    for name, scan in scans.items():
        for path, reason in getattr(scan, field):
            yield f"{name}/{path}", reason
