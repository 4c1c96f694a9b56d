"""Folds: speaker-independent, balanced, the same for everybody."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from after_ray.corpora._base import scan
from after_ray.corpora._settings import EmodbSettings, RavdessSettings
from after_ray.errors import BadFold, BadValue
from after_ray.manifest import Manifest
from after_ray.splits._settings import FoldChoice, FoldSettings, ValidationSettings
from after_ray.splits.folds import fold, fold_of_rows, speaker_groups
from after_ray.splits.validation import stratified_sizes

GOLDEN_VALIDATION = [3, 5, 24, 77, 80, 94, 103, 110, 112, 147, 166, 170, 176, 178, 179, 180]
EMOTIONS = ("anger", "happy", "neutral", "sad")


def manifest(speakers: int = 10, per_class: int = 4, root: str = "wav", order: int = 0) -> Manifest:
    rows = [
        {
            "utterance": f"toy/{speaker:02d}-{emotion}-{number}",
            "path": f"{root}/{speaker}{emotion}{number}.wav",
            "speaker": f"{speaker:02d}",
            "gender": "male" if speaker % 2 else "female",
            "emotion": emotion,
            "sentence": str(number),
            "session": "",
            "seconds": 1.0,
            "sample_rate": 16000,
            "audio": f"{speaker}{emotion}{number}",
        }
        for speaker in range(speakers)
        for emotion in EMOTIONS
        for number in range(per_class + speaker % 3)
    ]
    return Manifest("toy", pd.DataFrame(rows).sample(frac=1.0, random_state=order))


def choice(index: int = 0, count: int = 5, share: float = 10.0) -> FoldChoice:
    return FoldChoice(
        folds=FoldSettings(count=count), validation=ValidationSettings(share=share), index=index
    )


def test_every_utterance_is_fold_of_rows_exactly_one_fold() -> None:
    corpus = manifest()
    tested = np.concatenate([fold(corpus, choice(index)).test for index in range(5)])
    assert np.array_equal(np.sort(tested), np.arange(len(corpus)))
    assert np.array_equal(
        fold_of_rows(corpus, FoldSettings()) == 2, np.isin(range(len(corpus)), fold(corpus, choice(2)).test)
    )


def test_parts_are_sorted_int64_and_disjoint() -> None:
    parts = fold(manifest(), choice())
    for rows in (parts.train, parts.validation, parts.test):
        assert rows.dtype == np.int64
        assert np.array_equal(rows, np.unique(rows))


def test_paths_and_row_order_change_no_fold() -> None:
    first, second = fold(manifest(), choice(1)), fold(manifest(root="moved/elsewhere", order=9), choice(1))
    for part in ("train", "validation", "test"):
        assert np.array_equal(getattr(first, part), getattr(second, part))


def test_validation_has_its_share_and_every_class() -> None:
    corpus = manifest()
    parts = fold(corpus, choice(share=20))
    pool = len(parts.train) + len(parts.validation)
    assert len(parts.validation) == pytest.approx(0.2 * pool, abs=2)
    counts = Counter(corpus.labels[parts.validation].tolist())
    assert set(counts) == {0, 1, 2, 3}
    assert max(counts.values()) - min(counts.values()) <= 1  # the classes of this corpus are of equal size


def test_validation_draws_of_two_folds_differ() -> None:
    corpus = manifest()
    shared = set(fold(corpus, choice(0)).validation) & set(fold(corpus, choice(1)).validation)
    assert len(shared) < len(fold(corpus, choice(0)).validation)


def test_the_first_validation_draw_is_this_one_for_ever() -> None:
    rows = fold(manifest(), choice()).validation
    assert rows.tolist() == GOLDEN_VALIDATION


def test_a_small_share_still_gives_one_of_each_class() -> None:
    corpus = manifest()
    assert sorted(corpus.labels[fold(corpus, choice(share=1)).validation]) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("available", "share", "expected"),
    [
        ([100, 50, 30, 20], 0.1, [10, 5, 3, 2]),
        ([15, 15, 15, 15], 0.1, [2, 2, 1, 1]),  # 1.5 each, 6 in all
        ([2, 200], 0.1, [1, 20]),
        ([2, 2], 0.99, [1, 1]),
    ],
)
def test_stratified_sizes_of_worked_examples(available: list[int], share: float, expected: list[int]) -> None:
    assert stratified_sizes(np.array(available), share).tolist() == expected


def test_more_folds_than_speakers_are_refused_with_both_numbers() -> None:
    with pytest.raises(BadFold, match=r"3 speakers, and 5 speaker groups .*count: 3"):
        fold(manifest(speakers=3), choice())


def test_a_fold_out_of_range_is_refused() -> None:
    with pytest.raises(BadValue, match="Bad fold: 5; allowed: 0 to 4"):
        fold(manifest(), choice(5))


def test_a_class_that_only_test_speakers_speak_is_refused_by_name() -> None:
    corpus = manifest()
    tested = fold(corpus, choice(0)).test
    table = corpus.table.copy()
    rare = np.isin(np.arange(len(table)), tested) & (table["emotion"] == "sad").to_numpy()
    table.loc[~rare & (table["emotion"] == "sad").to_numpy(), "emotion"] = "neutral"
    with pytest.raises(BadFold, match="leaves 0 utterance\\(s\\) of class 'sad'"):
        fold(Manifest("toy", table), choice(0))


def test_emodb_folds_have_one_man_and_one_woman_each(corpora: Path, tmp_path: Path) -> None:
    corpus = scan(EmodbSettings(root=str(corpora / "emodb")), tmp_path).manifest
    for index in range(5):
        test = corpus.table.iloc[fold(corpus, choice(index)).test]
        genders = test.groupby("speaker")["gender"].first()
        assert sorted(genders) == ["female", "male"]
        assert 60 <= len(test) <= 80


def test_ravdess_speakers_fall_into_five_balanced_groups(corpora: Path, tmp_path: Path) -> None:
    corpus = scan(RavdessSettings(root=str(corpora / "ravdess")), tmp_path).manifest
    groups = speaker_groups(corpus, 5)
    assert sorted(Counter(groups.values()).values()) == [4, 5, 5, 5, 5]
    women = Counter(group for speaker, group in groups.items() if int(speaker) % 2 == 0)
    men = Counter(group for speaker, group in groups.items() if int(speaker) % 2 == 1)
    assert set(women.values()) | set(men.values()) == {2, 3}


def test_gender_is_balanced_before_utterances() -> None:
    table = manifest(speakers=4, per_class=5).table
    utterances = {"00": 20, "01": 10, "03": 5}  # one woman; two men, who together have fewer
    kept = pd.concat(
        [table[table["speaker"] == speaker].head(count) for speaker, count in utterances.items()]
    )
    groups = speaker_groups(Manifest("toy", kept), 2)
    assert groups["01"] != groups["03"]
