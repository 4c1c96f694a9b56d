"""Sentences and recordings that train and test share are counted, and those that leak are named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from after_ray.audio.fingerprint import Words
from after_ray.manifest import Manifest
from after_ray.splits.overlap import (
    Duplicate,
    crossings,
    exact_duplicates,
    near_duplicates,
    recordings,
    sentence_overlap,
)
from after_ray.splits.parts import Fold

FOLD = Fold(2, *(np.array(rows, dtype=np.int64) for rows in ([0, 1, 2], [3], [4, 5, 6, 7], [8])))


def manifest(**columns: dict[int, str]) -> Manifest:
    """Nine rows `toy/0` to `toy/8`; rows 0-3 are trained or validated with, 4-7 tested, 8 is unused."""
    rows = [
        {
            "utterance": f"toy/{row}",
            "path": "",
            "speaker": f"s{row}",
            "gender": "",
            "emotion": ("anger", "sad")[row % 2],
            "sentence": columns.get("sentence", {}).get(row, ""),
            "session": "",
            "seconds": 1.0,
            "sample_rate": 16_000,
            "audio": columns.get("audio", {}).get(row, f"digest {row}"),
        }
        for row in range(9)
    ]
    return Manifest("toy", pd.DataFrame(rows))


def words(number: int) -> Words:
    return np.random.default_rng(number).integers(1, 2**32, 60, dtype=np.uint32)


def test_sentences_are_counted_by_what_train_and_validation_hold() -> None:
    said = {0: "a", 1: "a", 3: "b", 4: "a", 5: "a", 6: "c", 8: "c"}
    found = sentence_overlap(manifest(sentence=said), FOLD)
    assert (found.fold, found.utterances, found.unknown) == (2, 4, 1)
    assert (found.sentences, found.shared, found.shared_utterances) == (2, 1, 2), "an unused 'c' is not heard"
    assert found.share == 2 / 3
    in_validation = sentence_overlap(manifest(sentence={3: "b", 4: "b"}), FOLD)
    assert (in_validation.shared, in_validation.unknown, in_validation.share) == (1, 3, 1.0)


def test_nothing_is_said_of_sentences_that_nobody_knows() -> None:
    found = sentence_overlap(manifest(sentence={0: "a"}), FOLD)
    assert (found.unknown, found.sentences, found.shared, found.share) == (4, 0, 0, None)


def test_exact_duplicates_are_all_pairs_of_equal_audio_within_and_across_corpora() -> None:
    one = manifest(audio={1: "x", 5: "x", 6: "x"})
    other = Manifest("other", one.table.iloc[[1]].assign(utterance="other/1"))
    assert exact_duplicates(recordings([one])) == (
        Duplicate("toy/1", "toy/5"),
        Duplicate("toy/1", "toy/6"),
        Duplicate("toy/5", "toy/6"),
    )
    across = exact_duplicates(recordings([one, other]))
    assert len(across) == 6
    assert Duplicate("other/1", "toy/5") in across


def test_an_utterance_in_a_corpus_and_in_a_merger_of_it_is_no_duplicate() -> None:
    assert exact_duplicates(recordings([manifest(), manifest()])) == ()


def test_near_duplicates_are_given_by_utterance_and_do_not_repeat_exact_ones() -> None:
    found = recordings([manifest(audio={1: "x", 5: "x", 6: "y"})])
    heard = {audio: words(int(audio[-1])) for _, audio in found if audio.startswith("digest")}
    heard |= {"x": words(100), "y": words(100).copy()}
    heard["y"][:10] ^= np.uint32(0xFF)
    expected = 80 / (60 * 32)
    assert near_duplicates(found, heard) == (
        Duplicate("toy/1", "toy/6", "near", expected),
        Duplicate("toy/5", "toy/6", "near", expected),
    )


@pytest.mark.parametrize(
    ("first", "second", "leak"),
    [
        (0, 4, ("toy/4", "toy/0", "train")),
        (7, 3, ("toy/7", "toy/3", "validation")),
        (0, 3, None),
        (4, 5, None),
        (4, 8, None),
    ],
)
def test_a_duplicate_leaks_where_one_is_tested_and_the_other_heard(
    first: int, second: int, leak: tuple[str, str, str] | None
) -> None:
    pair = Duplicate(f"toy/{first}", f"toy/{second}")
    found = crossings([Duplicate("toy/1", "toy/2"), pair], manifest(), FOLD)
    assert [(one.tested, one.heard, one.part) for one in found] == ([] if leak is None else [leak])
    assert all(one.duplicate == pair and one.fold == 2 for one in found)


def test_a_duplicate_with_another_corpus_leaks_only_where_both_are_used() -> None:
    assert crossings([Duplicate("other/4", "toy/0"), Duplicate("other/0", "toy/4")], manifest(), FOLD) == ()
