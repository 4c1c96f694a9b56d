"""A fingerprint hardly changes when a recording is copied, and is another one for another recording."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.audio.decode import decode
from after_ray.audio.fingerprint import SILENT, Words, fingerprint
from after_ray.audio.matching import HIGHEST_ERROR, Match, find_matches
from after_ray.corpora._base import open_source
from after_ray.corpora._settings import SyntheticSettings
from after_ray.corpora.prepared import to_16_khz

Samples = NDArray[np.float32]


def noisy(samples: Samples, decibels: float) -> Samples:
    noise = np.random.default_rng(3).standard_normal(len(samples))
    return (samples + noise * np.sqrt(np.mean(samples**2)) * 10 ** (-decibels / 20)).astype(np.float32)


def coarse(samples: Samples) -> Samples:
    """20 dB quieter, then rounded to 16 bit."""
    return (np.rint(samples * 0.1 * 32768) / 32768).astype(np.float32)


def stretched(samples: Samples) -> Samples:
    """Played 0.1 % too fast: a clock that is a little off."""
    places = np.arange(0, len(samples) - 1, 1.001)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)


ALTERATIONS: dict[str, Callable[[Samples], Samples]] = {
    "ten times as loud": lambda samples: samples * 10,
    "20 dB quieter at 16 bit": coarse,
    "noise at 30 dB": lambda samples: noisy(samples, 30),
    "0.2 s cut from its beginning": lambda samples: samples[3210:],
    "0.2 s cut from its end": lambda samples: samples[:-3210],
    "silence around it": lambda samples: np.pad(samples, (2500, 3333)),
    "a clock that is off": stretched,
}


@pytest.fixture(scope="module")
def speech() -> list[Samples]:
    """Two speakers, two sentences, two emotions, two takes of each: 16 utterances."""
    corpus = open_source(SyntheticSettings(speakers=2, sentences=2, repetitions=2))
    paths = [e.path for e in corpus.listing().entries if e.emotion in ("anger", "sad")]
    return [corpus.read(path).mono() for path in paths]


def match_of(one: Samples, other: Samples) -> Match | None:
    return next(iter(find_matches([fingerprint(one), fingerprint(other)])), None)


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_altered_copy_is_found_and_no_other_take_is(speech: list[Samples], alteration: str) -> None:
    copies = [ALTERATIONS[alteration](samples) for samples in speech]
    found = find_matches([fingerprint(samples) for samples in (*speech, *copies)])
    expected = [(row, row + len(speech)) for row in range(len(speech))]
    assert [(match.first, match.second) for match in found] == expected


def test_a_match_says_where_the_copy_begins(speech: list[Samples]) -> None:
    cut = match_of(speech[0], speech[0][8000:])
    padded = match_of(speech[0], np.pad(speech[0], (4800, 0)))
    assert cut is not None
    assert padded is not None
    assert cut.shift == pytest.approx(0.5, abs=0.017)
    assert padded.shift == pytest.approx(-0.3, abs=0.017)
    assert 0.32 <= cut.seconds < len(speech[0]) / 16_000


def test_a_bit_is_the_sign_of_an_energy_difference_over_bands_and_frames() -> None:
    """Against the definition, by a slow Fourier sum in float64."""
    generator = np.random.default_rng(11)
    samples = generator.standard_normal(1024 + 5 * 64)  # at 4 kHz
    edges = np.rint(np.geomspace(300, 2000, 34) * 1024 / 4000).astype(int)
    wave = np.exp(-2j * np.pi * np.outer(np.arange(512), np.arange(1024)) / 1024)
    frames = [samples[begin : begin + 1024] * np.hanning(1024) for begin in range(0, 6 * 64, 64)]
    power = np.abs(wave @ np.array(frames).T) ** 2
    energy = np.array([power[low:high].sum(axis=0) for low, high in itertools.pairwise(edges)])
    difference = energy[:-1] - energy[1:]
    bits = difference[:, 1:] > difference[:, :-1]
    expected = [sum(int(bit) << place for place, bit in enumerate(frame)) for frame in bits.T]
    spaced = np.zeros(4 * len(samples))
    spaced[::4] = 4 * samples  # at 16 kHz: mirrored above 2 kHz, where nothing is looked at
    unequal = np.bitwise_count(fingerprint(spaced) ^ np.array(expected, dtype=np.uint32)).sum()
    assert unequal <= 1, "float32 may turn a sign where two energies are equal but for rounding"


def test_level_changes_no_bit(speech: list[Samples]) -> None:
    np.testing.assert_array_equal(fingerprint(speech[0]), fingerprint(speech[0] * np.float32(2**-10)))


@pytest.mark.parametrize("samples", [0, 1, 400, 4096, 4097, 5000, 16_000])
def test_silence_and_the_shortest_clips_have_fingerprints_that_match_nothing(samples: int) -> None:
    words = 0 if samples <= 4096 else -(-(-(-samples // 4) - 1024) // 64)
    silent = fingerprint(np.zeros(samples))
    assert silent.shape == (words,)
    assert (silent == SILENT).all()
    short = fingerprint(np.random.default_rng(0).standard_normal(samples)[:5000])
    assert find_matches([silent, silent, short, short]) == ()


def test_the_silence_around_speech_has_no_words(speech: list[Samples]) -> None:
    words = fingerprint(np.pad(noisy(speech[0], 50), (16_000, 0)))
    assert (words[:40] == SILENT).all()
    assert (words[62:] != SILENT).sum() > 20


def test_no_match_where_little_is_shared() -> None:
    generator = np.random.default_rng(5)
    one, other, shared = (generator.integers(1, 2**32, 60, dtype=np.uint32) for _ in range(3))
    found = find_matches([np.concatenate([one, shared]), np.concatenate([shared, other]), shared[:19]])
    assert [(match.first, match.second) for match in found] == [(0, 1)], "half is enough, 19 words are not"
    assert find_matches([np.concatenate([one, shared[:50]]), np.concatenate([shared[:50], other])]) == ()


def test_the_share_of_unequal_bits_decides() -> None:
    words = np.random.default_rng(6).integers(1, 2**32, 100, dtype=np.uint32)
    below, above = words.copy(), words.copy()
    below[:60] ^= np.uint32((1 << 10) - 1)  # 600 of 3200 bits
    above[:66] ^= np.uint32((1 << 10) - 1)
    assert HIGHEST_ERROR == 0.2
    (match,) = find_matches([words, below])
    assert match.error == 600 / 3200
    assert find_matches([words, above]) == ()


@pytest.mark.parametrize(("clips", "pairs"), [(16, 16 * 15 // 2), (17, 0)])
def test_a_word_in_more_than_16_places_proposes_nothing(clips: int, pairs: int) -> None:
    words = np.random.default_rng(7).integers(1, 2**32, 60, dtype=np.uint32)
    copies = [words ^ np.uint32(1 << clip) for clip in range(clips)]  # any two differ in every word
    for copy in copies:
        copy[30] = 4711
    assert len(find_matches(copies)) == pairs


def test_silence_is_not_compared() -> None:
    words = np.random.default_rng(9).integers(1, 2**32, (2, 130), dtype=np.uint32)
    words[:, 30:] = SILENT
    words[:, 7] = 4711  # one word in common
    assert find_matches(list(words)) == ()
    words[:, :25] = words[0, :25]
    (match,) = find_matches(list(words))
    assert match.seconds == 30 / 62.5


@pytest.mark.parametrize("first", [True, False])
def test_the_best_of_several_alignments_is_kept(first: bool) -> None:
    words = np.random.default_rng(10).integers(1, 2**32, 40, dtype=np.uint32)
    worse = words.copy()
    worse[::2] ^= np.uint32(0xF)
    twice = np.concatenate([words, worse] if first else [worse, words])
    (match,) = find_matches([twice, words])
    assert (match.error, match.shift) == (0.0, 0.0 if first else 40 / 62.5)


def test_no_utterances_have_no_matches() -> None:
    assert find_matches([]) == ()


def test_the_size_of_a_block_changes_nothing(speech: list[Samples], monkeypatch: pytest.MonkeyPatch) -> None:
    words = [fingerprint(samples) for samples in (*speech, *map(coarse, speech))]
    at_once = find_matches(words)
    monkeypatch.setattr("after_ray.audio.matching._WORDS_AT_ONCE", 100)
    assert find_matches(words) == at_once
    assert len(at_once) == len(speech)


def test_copies_are_found_among_three_million_words_in_seconds() -> None:
    """17,000 clips of 3 s; their words have the bits in common that neighbours in speech have."""
    generator = np.random.default_rng(8)
    words = generator.integers(1, 2**32, (17_000, 188), dtype=np.uint32)
    words[:, ::2] = words[:, 1::2]
    copies = words[:20].copy()
    copies[:, ::3] ^= np.uint32(0x0F0F0F0F)
    started = time.perf_counter()
    found = find_matches([*words, *copies])
    assert time.perf_counter() - started < 30
    assert [(match.first, match.second) for match in found] == [(row, 17_000 + row) for row in range(20)]


def read(path: Path) -> Words:
    return fingerprint(to_16_khz(decode(path)))


def test_the_48_khz_originals_are_found_among_their_speakers_other_takes(corpora: Path) -> None:
    originals = {path.stem: path for path in sorted((corpora / "originals").rglob("*.wav"))}
    actors = {path.parent for path in originals.values() if "Actor" in path.parent.name}
    folders = [
        corpora / part / folder.name for part in ("ravdess", "extra/ravdess_calm") for folder in actors
    ]
    converted = {path.stem: path for folder in folders for path in sorted(folder.glob("*.flac"))}
    copied = sorted(converted.keys() & originals.keys())
    names = [*converted, *copied]
    found = find_matches([read(p) for p in (*converted.values(), *(originals[name] for name in copied))])
    assert len(copied) >= 4
    assert sorted(names[match.first] for match in found) == copied
    assert all(names[match.first] == names[match.second] and match.error < 0.02 for match in found)
