"""Which utterances are near copies of each other, found among many by their fingerprints.

Two steps (Haitsma and Kalker, ISMIR 2002, section 5): a word that two fingerprints share proposes how they
may be aligned, then the share of unequal bits at that alignment decides.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from after_ray.audio.fingerprint import BITS, SILENT, WORDS_PER_SECOND, Words
from after_ray.ragged import Ragged

# Measured on EMO-DB and RAVDESS (1203 clips). Originals at 48 kHz against their 16-kHz copies: at most 0.01;
# copies 20 dB quieter at 16 bit, with noise at 30 dB, padded, or trimmed by up to half a second at each end:
# at most 0.13; with noise at 20 dB: 99.5 % of them within 0.2. A second take of the same sentence in the same
# emotion by the same actor (431 pairs of RAVDESS, the best of all alignments): at least 0.25.
HIGHEST_ERROR = 0.2
FEWEST_WORDS = 20  # 0.32 s, heard through frames of 0.256 s
SMALLEST_SHARE = 0.5  # of the words of the shorter utterance

_MOST_IN_COMMON = 16  # a word that is in more places than this proposes nothing
_WORDS_AT_ONCE = 1 << 22

Integers = NDArray[np.int64]


@dataclass(frozen=True, order=True, slots=True)
class Match:
    """Two rows that are near copies.

    Attributes:
        first: row of the one.
        second: row of the other, greater than `first`.
        error: share of unequal bits where they are aligned, 0 for equal sound, about 0.5 for unrelated sound.
        seconds: how much sound was compared.
        shift: where the second begins, in seconds after the first.
    """

    first: int
    second: int
    error: float
    seconds: float
    shift: float


@dataclass(frozen=True)
class _Alignments:
    """Candidates, one per entry: two rows, and the word of `first` at which `second` begins."""

    first: Integers
    second: Integers
    shift: Integers

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, chosen: NDArray[np.bool_] | Integers | slice) -> _Alignments:
        return _Alignments(self.first[chosen], self.second[chosen], self.shift[chosen])


def find_matches(fingerprints: Sequence[Words], highest_error: float = HIGHEST_ERROR) -> tuple[Match, ...]:
    """Pairs of utterances that are copies but for level, resampling, light noise or coding, or a trim.

    Each pair is at its best alignment and in the order of its rows. An utterance with fewer than 20 words of
    sound (about half a second) is never found: so little is no evidence.

    Time and memory grow with the number of words, not with its square: words that are in more than 16 places
    propose no alignment.
    """
    ragged = _ragged(fingerprints)
    best: dict[tuple[int, int], Match] = {}
    for block in _blocks(_proposed(ragged), ragged.lengths):
        for match in _verified(ragged, block, highest_error):
            known = best.get((match.first, match.second))
            if known is None or match.error < known.error:
                best[match.first, match.second] = match
    return tuple(best[pair] for pair in sorted(best))


def _ragged(fingerprints: Sequence[Words]) -> Ragged:
    offsets = np.cumsum([0, *map(len, fingerprints)], dtype=np.int64)
    return Ragged(np.concatenate([np.zeros(0, np.uint32), *fingerprints]), offsets)


def _proposed(ragged: Ragged) -> _Alignments:
    """Every alignment of two utterances at which they share a word, each once."""
    places = np.flatnonzero(ragged.values != SILENT)
    places = places[np.argsort(ragged.values[places], kind="stable")]
    places = places[_is_rare(ragged.values[places])]
    words = ragged.values[places]
    rows = np.searchsorted(ragged.offsets, places, side="right") - 1
    within = places - ragged.offsets[rows]
    span = 2 * int(ragged.lengths.max(initial=0)) + 1
    found = np.zeros(0, np.int64)
    for lag in range(1, _MOST_IN_COMMON):
        pairs = np.flatnonzero((words[:-lag] == words[lag:]) & (rows[:-lag] != rows[lag:]))
        shifts = within[pairs] - within[pairs + lag] + span // 2
        packed = (rows[pairs] * len(ragged) + rows[pairs + lag]) * span + shifts
        found = np.union1d(found, packed)
    pair, shift = np.divmod(found, span)
    first, second = np.divmod(pair, max(len(ragged), 1))
    return _Alignments(first, second, shift - span // 2)


def _is_rare(words: Words) -> NDArray[np.bool_]:
    """For every entry of sorted words, whether its word is in few enough places."""
    begins = np.flatnonzero(np.diff(words, prepend=words[:1] ^ 1))
    counts = np.diff(begins, append=len(words))
    return np.repeat(counts <= _MOST_IN_COMMON, counts)


def _blocks(alignments: _Alignments, lengths: Integers) -> Iterator[_Alignments]:
    """Alignments whose words fit into memory at once."""
    shorter = np.minimum(lengths[alignments.first], lengths[alignments.second])
    block = np.cumsum(shorter) // _WORDS_AT_ONCE
    edges = np.flatnonzero(np.diff(block, prepend=-1, append=-1))
    for start, stop in itertools.pairwise(edges):
        yield alignments[start:stop]


def _verified(ragged: Ragged, alignments: _Alignments, highest_error: float) -> Iterator[Match]:
    """Those alignments at which enough sound is compared and few enough bits differ."""
    compared, unequal = _compared(ragged, alignments)
    sounding = np.concatenate([[0], np.cumsum(ragged.values != SILENT)])[ragged.offsets]
    shorter = np.minimum(np.diff(sounding)[alignments.first], np.diff(sounding)[alignments.second])
    enough = compared >= np.maximum(FEWEST_WORDS, SMALLEST_SHARE * shorter)
    error = unequal / np.maximum(BITS * compared, 1)
    for index in np.flatnonzero(enough & (error <= highest_error)).tolist():
        yield Match(
            int(alignments.first[index]),
            int(alignments.second[index]),
            float(error[index]),
            float(compared[index] / WORDS_PER_SECOND),
            float(alignments.shift[index] / WORDS_PER_SECOND),
        )


def _compared(ragged: Ragged, alignments: _Alignments) -> tuple[Integers, Integers]:
    """For every alignment the words that sound in both utterances, and how many of their bits are unequal."""
    begin_first = np.maximum(alignments.shift, 0)
    begin_second = begin_first - alignments.shift
    lengths = ragged.lengths
    overlap = np.minimum(lengths[alignments.first] - begin_first, lengths[alignments.second] - begin_second)
    edges = np.cumsum(overlap) - overlap
    step = np.arange(int(overlap.sum())) - np.repeat(edges, overlap)
    one = ragged.values[np.repeat(ragged.offsets[alignments.first] + begin_first, overlap) + step]
    other = ragged.values[np.repeat(ragged.offsets[alignments.second] + begin_second, overlap) + step]
    both = (one != SILENT) & (other != SILENT)
    unequal = np.where(both, np.bitwise_count(one ^ other), 0)
    return (
        np.add.reduceat(both, edges, dtype=np.int64),
        np.add.reduceat(unequal, edges, dtype=np.int64),
    )
