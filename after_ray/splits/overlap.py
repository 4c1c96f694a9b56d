"""What train and test of a fold share although no speaker is in both: sentences, and repeated recordings.

Speaker-independent folds do not rule it out. A sentence said in train and in test makes text a cue that says
nothing of other texts; a recording in both makes a test result worth nothing.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from after_ray.audio.fingerprint import Words
from after_ray.audio.matching import find_matches
from after_ray.manifest import Manifest
from after_ray.splits.parts import Fold

Recording = tuple[str, str]
"""An utterance's id and the digest of its audio."""


@dataclass(frozen=True)
class SentenceOverlap:
    """How much of one fold's test text is heard in training; validation counts as training.

    Attributes:
        fold: index of the fold.
        utterances: tested ones.
        unknown: tested ones whose sentence is not known; they count in none of the numbers below.
        sentences: different ones in test.
        shared: of those, the ones that are also in train or validation.
        shared_utterances: tested ones that say one of these.
    """

    fold: int
    utterances: int
    unknown: int
    sentences: int
    shared: int
    shared_utterances: int

    @property
    def share(self) -> float | None:
        """Of the tested utterances of known sentence the share that say a shared one; None without any."""
        known = self.utterances - self.unknown
        return self.shared_utterances / known if known else None


@dataclass(frozen=True, order=True)
class Duplicate:
    """Two utterances of one recording, ids in order; `error`: share of fingerprint bits that differ."""

    first: str
    second: str
    kind: Literal["exact", "near"] = "exact"
    error: float = 0.0


@dataclass(frozen=True)
class Crossing:
    """A duplicate that leaks: `tested` is in the test part of a fold, `heard` in its train or validation."""

    fold: int
    tested: str
    heard: str
    part: Literal["train", "validation"]
    duplicate: Duplicate


def sentence_overlap(manifest: Manifest, fold: Fold) -> SentenceOverlap:
    """Compare the sentences of a fold's test part with those of train and validation."""
    sentences = manifest.table["sentence"].to_numpy(dtype=object)
    heard = set(sentences[fold.train]) | set(sentences[fold.validation])
    tested = [sentence for sentence in sentences[fold.test] if sentence != ""]
    return SentenceOverlap(
        fold=fold.index,
        utterances=len(fold.test),
        unknown=len(fold.test) - len(tested),
        sentences=len(set(tested)),
        shared=len(set(tested) & heard),
        shared_utterances=sum(sentence in heard for sentence in tested),
    )


def recordings(manifests: Iterable[Manifest]) -> tuple[Recording, ...]:
    """Every utterance of some corpora; one that is in several of them (a corpus and a merger of it) once."""
    pairs = (zip(m.table["utterance"], m.table["audio"], strict=True) for m in manifests)
    return tuple(dict.fromkeys(itertools.chain.from_iterable(pairs)))


def exact_duplicates(found: Iterable[Recording]) -> tuple[Duplicate, ...]:
    """Pairs of utterances that are equal sample for sample, sorted."""
    pairs = (itertools.combinations(sorted(same), 2) for same in _by_audio(found).values())
    return tuple(sorted(Duplicate(one, other) for one, other in itertools.chain.from_iterable(pairs)))


def near_duplicates(found: Iterable[Recording], fingerprints: Mapping[str, Words]) -> tuple[Duplicate, ...]:
    """Pairs of utterances that are copies of each other and not equal sample for sample, sorted.

    Args:
        found: utterances, each with the digest of its audio.
        fingerprints: words of every audio, by its digest.
    """
    utterances = _by_audio(found)
    digests = sorted(utterances)  # the same matches whatever the order of the utterances
    pairs = [
        Duplicate(min(pair), max(pair), "near", match.error)
        for match in find_matches([fingerprints[digest] for digest in digests])
        for pair in itertools.product(utterances[digests[match.first]], utterances[digests[match.second]])
    ]
    return tuple(sorted(pairs))


def crossings(duplicates: Sequence[Duplicate], manifest: Manifest, fold: Fold) -> tuple[Crossing, ...]:
    """The duplicates of which one is tested in a fold and the other trained on or validated with."""
    involved = {name for duplicate in duplicates for name in (duplicate.first, duplicate.second)}
    names = manifest.table["utterance"]
    rows = np.flatnonzero(names.isin(involved))
    part_of = dict(zip(names.iloc[rows], _parts(manifest, fold)[rows], strict=True))
    return tuple(
        Crossing(fold.index, tested, heard, part_of[heard], duplicate)
        for duplicate in duplicates
        for tested, heard in _both_ways(duplicate)
        if part_of.get(tested) == "test" and part_of.get(heard) in ("train", "validation")
    )


def heard_twice(manifest: Manifest, fold: Fold) -> tuple[tuple[str, str], ...]:
    """Tested utterances whose very samples are in train or validation too, each with one of those.

    What must be refused before anything is trained; linear in the utterances, unlike pairs of duplicates.
    """
    names = manifest.table["utterance"].to_numpy(dtype=object)
    audio = manifest.table["audio"].to_numpy(dtype=object)
    heard = {audio[row]: names[row] for row in np.concatenate([fold.train, fold.validation]).tolist()}
    return tuple((names[row], heard[audio[row]]) for row in fold.test.tolist() if audio[row] in heard)


def _by_audio(found: Iterable[Recording]) -> dict[str, list[str]]:
    result = defaultdict(list)
    for utterance, audio in found:
        result[audio].append(utterance)
    return result


def _parts(manifest: Manifest, fold: Fold) -> NDArray[np.object_]:
    """For every row the name of its part, shape (utterances,); empty where it is in none."""
    result = np.full(len(manifest), "", dtype=object)
    for name in ("train", "validation", "test"):
        result[getattr(fold, name)] = name
    return result


def _both_ways(duplicate: Duplicate) -> Iterator[tuple[str, str]]:
    yield duplicate.first, duplicate.second
    yield duplicate.second, duplicate.first
