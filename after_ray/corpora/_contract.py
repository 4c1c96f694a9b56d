"""What a corpus is in its official release, and how far a copy of it agrees.

Three levels: `official` (the same utterances, labels, lengths and sample rates, as wav), `converted` (the
same utterances, labels and lengths within a millisecond, at another rate or in another codec) and `altered`
(anything else: half downloaded, cut, relabelled). A corpus nobody published has the level `none`.
"""

from __future__ import annotations

import csv
import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Literal

import pandas as pd

from after_ray.errors import WrongChecksum
from after_ray.manifest import Manifest
from after_ray.wording import counted, first_of

Level = Literal["official", "converted", "altered", "none"]
LEVELS: tuple[Level, ...] = ("official", "none", "converted", "altered")  # best first
TOLERANCE = 0.001  # seconds
ROUNDING = 0.00005  # the lists have four decimals
SHOWN = 5


@dataclass(frozen=True)
class Conformity:
    """How a copy of a corpus agrees with its contract; `differences` has a clause per way it does not.

    Those of a converted copy are rates and codecs.
    """

    level: Level = "none"
    differences: tuple[str, ...] = ()


class Contract(ABC):
    """What the official release holds."""

    @abstractmethod
    def check(self, manifest: Manifest, labels: Mapping[str, str], excluded: frozenset[str]) -> Conformity:
        """Compare a manifest.

        Args:
            manifest: what was found.
            labels: the classes that labels of the corpus were mapped to; other labels are not expected.
            excluded: utterances that a study leaves out, or that are unusable in the official release too.
        """

    @abstractmethod
    def counts(self, labels: Mapping[str, str]) -> Counter[str]:
        """Utterances per class in the official release."""

    @abstractmethod
    def compared(self, labels: Mapping[str, str], excluded: frozenset[str]) -> tuple[str, ...]:
        """What `check` compares, besides sample rates and codecs, of which a conversion may have others."""


@dataclass(frozen=True)
class Official:
    """One utterance of the official release; length and rate are None where they are not known."""

    utterance: str
    label: str
    seconds: float | None
    sample_rate: int | None
    sha256: str = ""


class ListedContract(Contract):
    """A contract that lists every utterance: the CSV `contracts/<corpus>.csv` of this package."""

    def __init__(self, corpus: str) -> None:
        self._corpus = corpus

    @cached_property
    def utterances(self) -> dict[str, Official]:
        """Every utterance of the official release, of all labels, by its name."""
        source = files("after_ray.corpora") / "contracts" / f"{self._corpus}.csv"
        with source.open(encoding="utf-8") as file:
            return {row["utterance"]: _official(row) for row in csv.DictReader(file)}

    def counts(self, labels: Mapping[str, str]) -> Counter[str]:
        """Utterances per class."""
        return Counter(labels[row.label] for row in self.utterances.values() if row.label in labels)

    def compared(self, labels: Mapping[str, str], excluded: frozenset[str]) -> tuple[str, ...]:
        """All that is listed."""
        return "names", "classes", "lengths"

    def check(self, manifest: Manifest, labels: Mapping[str, str], excluded: frozenset[str]) -> Conformity:
        """Compare names, classes and lengths; then rates and codecs."""
        expected = {
            f"{self._corpus}/{name}": row
            for name, row in self.utterances.items()
            if row.label in labels and name not in excluded
        }
        table = manifest.table
        found = dict(zip(table["utterance"], table["emotion"], strict=True))
        classes = {name: labels[row.label] for name, row in expected.items()}
        differences = tuple(
            clause
            for clause in (
                _names([name for name in expected if name not in found], len(expected), "missing"),
                _names(
                    [name for name in found if name not in expected],
                    len(found),
                    "not in the official release",
                ),
                _names(
                    [n for n, c in classes.items() if found.get(n, c) != c], len(expected), "of another class"
                ),
                *_count_differences("class", Counter(found.values()), Counter(classes.values())),
                _lengths(dict(zip(table["utterance"], table["seconds"], strict=True)), expected),
            )
            if clause
        )
        if differences:
            return Conformity("altered", differences)
        conversions = _conversions(table, [expected[name].sample_rate for name in table["utterance"]])
        return Conformity("converted" if conversions else "official", conversions)

    def relabelled(self, labels: Mapping[str, str]) -> ListedContract:
        """The same utterances by other labels: some of its names and theirs; the others keep their own.

        A label may be empty: then the utterance has none, and is not expected.
        """
        return _RelabelledContract(self, labels)

    @cached_property
    def checksums(self) -> dict[str, str]:
        """The published SHA-256 by utterance; empty where nobody published any."""
        return {name: row.sha256 for name, row in self.utterances.items() if row.sha256}

    def refuse_wrong_checksums(
        self, paths: Mapping[str, Path], progress: Callable[[int, int], None] | None = None
    ) -> int:
        """Compare the SHA-256 of files, by utterance name, with the official ones; returns how many agree.

        Raises:
            WrongChecksum: naming the files that do not, or when the corpus has no published checksums.
        """
        if not self.checksums:
            raise WrongChecksum.unknown(self._corpus)
        wrong = []
        for done, (name, path) in enumerate(sorted(paths.items()), start=1):
            with open(path, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != self.checksums.get(name):
                    wrong.append(name)
            if progress is not None:
                progress(done, len(paths))
        if wrong:
            raise WrongChecksum(self._corpus, wrong, len(paths))
        return len(paths)


class _RelabelledContract(ListedContract):
    """What is listed, by labels of which the list knows nothing."""

    def __init__(self, listed: ListedContract, labels: Mapping[str, str]) -> None:
        super().__init__(listed._corpus)
        self._listed, self._labels = listed, labels

    @cached_property
    def utterances(self) -> dict[str, Official]:
        """Every utterance of the official release, with its other label."""
        listed = self._listed.utterances
        return {name: replace(row, label=self._labels.get(name, row.label)) for name, row in listed.items()}

    def compared(self, labels: Mapping[str, str], excluded: frozenset[str]) -> tuple[str, ...]:
        """All that is listed but classes, which the list could not disagree with."""
        return "names", "lengths"


@dataclass(frozen=True)
class CountedContract(Contract):
    """A contract of counts, for a corpus whose licence forbids to publish a list of its utterances.

    `by_speaker`: utterances per speaker and label. `totals`: utterances of labels whose counts per speaker
    nobody published. `hours`: of all utterances whose label is in `labels`. `shortest`, `longest`: seconds
    that every utterance lies between.
    """

    by_speaker: Mapping[str, Mapping[str, int]]
    totals: Mapping[str, int]
    labels: frozenset[str]
    hours: float
    hours_tolerance: float
    shortest: float
    longest: float
    sample_rate: int

    def counts(self, labels: Mapping[str, str]) -> Counter[str]:
        """Utterances per class."""
        total: Counter[str] = Counter()
        for counts in (*self.by_speaker.values(), self.totals):
            total.update(by_class(counts, labels))
        return total

    def check(self, manifest: Manifest, labels: Mapping[str, str], excluded: frozenset[str]) -> Conformity:
        """Compare counts per speaker and class, every length with the range, and hours where they are known.

        An utterance that is excluded may have been as long as the longest.
        """
        table = manifest.table
        differences: list[str] = []
        short = 0
        for who, found, expected in self._comparisons(table, labels):
            if expected and not found:
                differences.append(f"{who} has none of {expected.total()} utterances")
            elif found - expected or (expected - found and not excluded):
                differences += _count_differences(f"{who}: class", found, expected)
            short += (expected - found).total()
        if excluded and short > len(excluded):
            differences.append(f"{short} utterances are missing, and only {len(excluded)} excluded")
        strangers = sorted(set(table["speaker"]) - set(self.by_speaker))
        if strangers:
            differences.append(f"{counted(len(strangers), 'unknown speaker')} ({', '.join(strangers)})")
        differences += self._length_differences(table, labels, excluded)
        if differences:
            return Conformity("altered", (*self._total(table, labels, excluded, differences), *differences))
        conversions = _conversions(table, [self.sample_rate] * len(table))
        return Conformity("converted" if conversions else "official", conversions)

    def compared(self, labels: Mapping[str, str], excluded: frozenset[str]) -> tuple[str, ...]:
        """Counts and the range of lengths; hours where they are known."""
        hours = ("hours",) if self._timed(labels) else ()
        return "speakers", "counts", "range of lengths", *hours

    def _timed(self, labels: Mapping[str, str]) -> set[str]:
        """The classes whose hours are known: of all labels that were timed and of no other; or none."""
        if not self.labels <= labels.keys():
            return set()
        timed = {labels[label] for label in self.labels}
        others = {emotion for label, emotion in labels.items() if label not in self.labels}
        return set() if timed & others else timed

    def _length_differences(
        self, table: pd.DataFrame, labels: Mapping[str, str], excluded: frozenset[str]
    ) -> Iterator[str]:
        inside = table["seconds"].between(self.shortest - TOLERANCE, self.longest + TOLERANCE)
        if not inside.all():
            outside = f"shorter than {self.shortest:g} s or longer than {self.longest:g} s"
            yield _names(table["utterance"][~inside].tolist(), len(table), outside)
        timed = self._timed(labels)
        hours = float(table["seconds"][table["emotion"].isin(timed)].sum()) / 3600
        least = self.hours - self.hours_tolerance - len(excluded) * self.longest / 3600
        if timed and not least <= hours <= self.hours + self.hours_tolerance:
            yield f"{hours:.2f} hours instead of {self.hours:.2f}"

    def _total(
        self,
        table: pd.DataFrame,
        labels: Mapping[str, str],
        excluded: frozenset[str],
        differences: Sequence[str],
    ) -> Iterator[str]:
        """What a list of several differences begins with, where the whole number is another."""
        expected = self.counts(labels).total() - len(excluded)
        if len(differences) > 1 and len(table) != expected:
            yield f"{len(table):,} instead of {expected:,} utterances"

    def _comparisons(
        self, table: pd.DataFrame, labels: Mapping[str, str]
    ) -> Iterator[tuple[str, Counter[str], Counter[str]]]:
        """What is compared: (who, found per class, expected per class), as finely as is published."""
        coarse = {labels[label] for label in self.totals if label in labels}
        cells = Counter(zip(table["speaker"], table["emotion"], strict=True))
        for speaker, counts in self.by_speaker.items():
            expected = by_class(counts, {k: v for k, v in labels.items() if v not in coarse})
            found = Counter({c: n for (who, c), n in cells.items() if who == speaker and c not in coarse})
            yield f"speaker {speaker}", found, expected
        everybody = Counter(emotion for emotion in table["emotion"] if emotion in coarse)
        yield "everybody", everybody, Counter({c: n for c, n in self.counts(labels).items() if c in coarse})


def worst(conformities: Mapping[str, Conformity]) -> Conformity:
    """That of corpora together, by title: the lowest level, and the differences of those that have it.

    Each clause begins with the title of its corpus, as in `emodb: 339 utterances are flac`.
    """
    level = max((found.level for found in conformities.values()), key=LEVELS.index)
    lowest = {title: found for title, found in conformities.items() if found.level == level}
    clauses = (f"{title}: {clause}" for title, found in lowest.items() for clause in found.differences)
    return Conformity(level, tuple(clauses))


def _official(row: Mapping[str, str]) -> Official:
    seconds, rate = row["seconds"], row["sample_rate"]
    return Official(
        utterance=row["utterance"],
        label=row["label"],
        seconds=float(seconds) if seconds else None,
        sample_rate=int(rate) if rate else None,
        sha256=row.get("sha256") or "",
    )


def by_class(counts: Mapping[str, int], labels: Mapping[str, str]) -> Counter[str]:
    """Counts per label as counts per class; labels that are not used are left out."""
    classes: Counter[str] = Counter()
    for label, count in counts.items():
        if label in labels:
            classes[labels[label]] += count
    return classes


def _names(names: Sequence[str], of: int, what: str) -> str:
    """`2 of 339 utterances are missing (a, b)`; empty when there are none."""
    if not names:
        return ""
    verb = "is" if len(names) == 1 else "are"
    return f"{len(names)} of {of} utterances {verb} {what} ({_first(names)})"


def _first(names: Iterable[str]) -> str:
    return first_of([name.partition("/")[2] or name for name in sorted(names)], SHOWN)


def _count_differences(what: str, found: Counter[str], expected: Counter[str]) -> Iterator[str]:
    for name in sorted({*found, *expected}):
        if found[name] != expected[name]:
            yield f"{what} {name} has {found[name]} instead of {expected[name]} utterances"


def _lengths(found: Mapping[str, float], expected: Mapping[str, Official]) -> str:
    other = {
        name: f"{name.partition('/')[2]}: {found[name]:.3f} s instead of {row.seconds:.3f} s"
        for name, row in expected.items()
        if row.seconds is not None and name in found and abs(found[name] - row.seconds) > TOLERANCE + ROUNDING
    }
    if not other:
        return ""
    first, *others = sorted(other)
    have = "utterance has" if len(other) == 1 else "utterances have"
    also = f"; also {_first(others)}" if others else ""
    return f"{len(other)} {have} another length ({other[first]}{also})"


def _conversions(table: pd.DataFrame, rates: Sequence[int | None]) -> tuple[str, ...]:
    """Clauses about codecs and sample rates, of which `rates` has the official one of every row."""
    codecs = Counter(PurePosixPath(path).suffix.lower().lstrip(".") for path in table["path"])
    pairs = zip(table["sample_rate"].tolist(), rates, strict=True)
    others = Counter(pair for pair in pairs if pair[1] not in (None, pair[0]))
    clauses = [f"{_utterances(n, 'is', 'are')} {codec}" for codec, n in codecs.items() if codec != "wav"]
    if others:
        shown = [f"{rate} instead of {official} Hz" for (rate, official), _ in others.most_common(SHOWN)]
        more = [f"and {len(others) - SHOWN} more"] if len(others) > SHOWN else []
        have = _utterances(others.total(), "has", "have")
        clauses.append(f"{have} another sample rate ({', '.join([*shown, *more])})")
    return tuple(clauses)


def _utterances(count: int, one: str, many: str) -> str:
    """`1 utterance is` or `2 utterances are`."""
    return f"{counted(count, 'utterance')} {one if count == 1 else many}"
