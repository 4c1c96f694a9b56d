"""Folds, leaks and validation draws of a corpus that nobody has labelled: as any, with one stratum."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from after_ray.annotation import of_corpus
from after_ray.errors import BadFold, Leak, OracleRefusal, Unanswered
from after_ray.manifest import UNKNOWN, Manifest
from after_ray.splits._settings import FoldChoice, FoldSettings, ValidationSettings
from after_ray.splits.folds import fold
from after_ray.splits.leaks import checked
from after_ray.splits.oracle import Oracle
from after_ray.splits.parts import Fold
from tests.after_ray.splits.toy import rows

CLASSES = ("anger", "sad")


def manifest(hidden: bool, speakers: int = 6) -> Manifest:
    table = pd.DataFrame(
        [row for speaker in range(speakers) for row in rows("calls", f"{speaker:02d}", "", CLASSES)]
    )
    return (
        Manifest("calls", table.assign(emotion="")).declaring(CLASSES) if hidden else Manifest("calls", table)
    )


def choice(draw: str = "by_utterance", index: int = 1, **folds: object) -> FoldChoice:
    settings = FoldSettings.model_validate({"count": 3} | folds)
    validation = ValidationSettings.model_validate({"draw": draw, "share": 25.0})
    return FoldChoice(folds=settings, validation=validation, index=index)


def assert_same(one: Fold, other: Fold) -> None:
    for part in ("train", "validation", "test", "unused"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


@pytest.mark.parametrize("index", range(3))
def test_whole_speakers_are_drawn_as_if_labels_were_known(index: int) -> None:
    assert_same(*(fold(manifest(hidden), choice("by_speaker", index)) for hidden in (True, False)))


def test_validation_by_utterance_is_drawn_from_all_alike() -> None:
    corpus = manifest(hidden=True)
    parts = checked(fold(corpus, choice()), corpus)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (30, 10, 20)
    speakers = corpus.table["speaker"].to_numpy()
    assert not set(speakers[parts.test]) & {*speakers[parts.train], *speakers[parts.validation]}


@pytest.mark.parametrize("draw", ["by_utterance", "by_speaker"])
def test_answers_move_no_utterance_from_part_to_part(draw: str) -> None:
    before = manifest(hidden=True)
    said = dict.fromkeys(before.table["utterance"][::2], "sad")
    after = before.answered(said, dict.fromkeys(said, "sad=1"))
    assert_same(fold(before, choice(draw)), fold(after, choice(draw)))
    assert checked(fold(before, choice(draw)), after)


def test_nothing_is_thinned_where_no_class_is_known() -> None:
    corpus = manifest(hidden=True)
    assert_same(fold(corpus, choice(balance="per_class_cap")), fold(corpus, choice()))


def test_utterances_are_dealt_into_folds_of_one_size() -> None:
    corpus = manifest(hidden=True)
    tested = [fold(corpus, choice(scheme="utterances", index=index)).test for index in range(3)]
    assert Counter(np.concatenate(tested).tolist()) == Counter(range(len(corpus)))
    assert {len(one) for one in tested} == {20}


def test_too_few_recordings_are_told_without_a_class_that_nobody_named() -> None:
    table = pd.DataFrame(rows("calls", "00", "", ("",), 1) + rows("calls", "01", "", ("",), 1))
    with pytest.raises(BadFold, match=r"leaves 1 utterance\(s\) outside its test part"):
        fold(Manifest("calls", table).declaring(CLASSES), choice(count=2))


def test_a_speaker_in_two_parts_leaks_without_labels_too() -> None:
    corpus = manifest(hidden=True)
    parts = fold(corpus, choice())
    moved = Fold(parts.index, np.append(parts.train, parts.test[0]), parts.validation, parts.test[1:])
    with pytest.raises(Leak, match=r"test speaker\(s\) .* are also in train"):
        checked(moved, corpus)


def oracle(told: list[int], left: list[int]) -> Oracle:
    answers = of_corpus(np.array(told))
    return Oracle(
        type(answers)(answers.told, None, answers.cost, np.array(left, dtype=np.int64)),
        np.arange(len(told), dtype=np.int64),
    )


def test_the_oracle_waits_for_people_and_has_revealed_nothing_then() -> None:
    waiting = oracle([0, UNKNOWN, 1, UNKNOWN], [])
    for ask in (waiting.reveal, waiting.restore, waiting.answered):
        with pytest.raises(Unanswered, match="2 utterances wait for somebody") as told:
            ask(np.array([3, 0, 1]))
        assert told.value.rows == (3, 1)
        assert len(waiting) == 0
    assert waiting.reveal([2, 0]).tolist() == [1, 0]


def test_the_oracle_names_what_somebody_can_tell_in_the_order_asked() -> None:
    heard = oracle([0, UNKNOWN, 1, UNKNOWN], [1])
    assert heard.answered(np.array([2, 1, 0])).tolist() == [2, 0]
    with pytest.raises(Unanswered) as told:
        heard.answered(np.array([2, 3, 1]))
    assert told.value.rows == (3,), "what nobody can tell is asked for again"
    with pytest.raises(OracleRefusal):
        oracle([0, 1], []).reveal([2])
