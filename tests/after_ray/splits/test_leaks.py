"""A fold that leaks cannot be used."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from after_ray.errors import Leak
from after_ray.manifest import Manifest
from after_ray.splits.leaks import checked
from after_ray.splits.parts import Fold


@pytest.fixture
def manifest() -> Manifest:
    """Rows 0-3 speaker a, 4-7 speaker b, 8-11 speaker c; emotions alternate."""
    rows = [
        {
            "utterance": f"toy/{speaker}{number}",
            "path": "",
            "speaker": speaker,
            "gender": "male",
            "emotion": ("anger", "sad")[number % 2],
            "sentence": "",
            "session": "",
            "seconds": 1.0,
            "sample_rate": 16000,
            "audio": f"{speaker}{number}",
        }
        for speaker in "abc"
        for number in range(4)
    ]
    return Manifest("toy", pd.DataFrame(rows))


def make(train: list[int], validation: list[int], test: list[int]) -> Fold:
    return Fold(3, *(np.array(rows, dtype=np.int64) for rows in (train, validation, test)))


def test_a_sound_fold_is_handed_back(manifest: Manifest) -> None:
    parts = make([0, 1, 2, 4, 5, 6], [3, 7], [8, 9, 10, 11])
    assert checked(parts, manifest) is parts


@pytest.mark.parametrize(
    ("train", "validation", "test", "sentence"),
    [
        (
            [0, 1, 2, 3, 4, 5, 6],
            [3, 7],
            [8, 9, 10, 11],
            r"1 utterance\(s\) in both train and validation \('toy/a3'\)",
        ),
        ([0, 1, 2, 4, 5, 6, 8], [3, 7], [8, 9, 10, 11], "in both train and test"),
        ([0, 1, 2, 4, 5, 6], [3, 7, 11], [8, 9, 10, 11], "in both validation and test"),
        ([0, 1, 2, 4, 5], [3, 7], [8, 9, 10, 11], "do not cover the 12 rows"),
        ([0, 1, 2, 4, 5, 6, 8], [3, 7], [9, 10, 11], r"test speaker\(s\) c are also in train"),
        ([0, 1, 2, 4, 5, 6], [3, 7, 8], [9, 10, 11], r"test speaker\(s\) c are also in validation"),
        ([0, 2, 4, 6], [1, 3, 5, 7], [8, 9, 10, 11], r"class\(es\) sad are in no training"),
        ([0, 1, 2, 3, 4, 5, 6, 7], [], [8, 9, 10, 11], "validation part is empty"),
        ([0, 0, 1, 2, 4, 5, 6], [3, 7], [8, 9, 10, 11], "train part lists a row twice"),
    ],
)
def test_every_leak_is_refused_in_a_sentence(
    manifest: Manifest, train: list[int], validation: list[int], test: list[int], sentence: str
) -> None:
    with pytest.raises(Leak, match=f"Fold 3 leaks: .*{sentence}"):
        checked(make(train, validation, test), manifest)
