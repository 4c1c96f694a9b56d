"""People who label for one trajectory: what they said, what of each part they hear, what is asked."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from after_ray.annotation import AnnotationSettings
from after_ray.execution.people import People
from after_ray.labelling import Asked, Decision, Frozen, Labelling, labelling_place
from after_ray.labelling.project import NoLabelling
from after_ray.manifest import UNKNOWN, Manifest
from after_ray.splits.parts import Fold
from after_ray.store import Store
from tests.after_ray.splits.toy import rows

MANIFEST = Manifest(
    "calls", pd.DataFrame([row for speaker in "abcd" for row in rows("calls", speaker, "", ("",), 10)])
)
FOLD = Fold(1, np.arange(20), np.arange(20, 28), np.arange(30, 40), np.arange(28, 30))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(str(tmp_path))
    assert Labelling(name="abc", study="calls", classes=("anger", "sad")).write(found.place)
    return found


def people(store: Store, **settings: Any) -> People:
    return People(AnnotationSettings(name="people", labelling="abc", **settings), store)


def said(store: Store, decisions: dict[int, Decision]) -> None:
    place = labelling_place(store.place, "abc")
    names = MANIFEST.table["utterance"]
    Frozen.read(place).freeze(place, {names[row]: one for row, one in decisions.items()})


def test_all_of_validation_and_test_is_heard_where_no_limit_says_otherwise(store: Store) -> None:
    for settings in ({}, {"validation": 8, "test": 10}, {"validation": 100, "test": 11}):
        heard = people(store, **settings).heard(FOLD, MANIFEST)
        for part in ("train", "validation", "test", "unused"):
            np.testing.assert_array_equal(getattr(heard, part), getattr(FOLD, part))


def test_with_a_limit_what_is_not_heard_is_unused_and_each_part_has_its_own(store: Store) -> None:
    heard = people(store, validation=3, test=4).heard(FOLD, MANIFEST)
    assert (len(heard.validation), len(heard.test)) == (3, 4)
    assert set(heard.validation) < set(FOLD.validation)
    assert set(heard.test) < set(FOLD.test)
    np.testing.assert_array_equal(heard.train, FOLD.train)
    everything = np.concatenate([heard.train, heard.validation, heard.test, heard.unused])
    np.testing.assert_array_equal(np.sort(everything), np.arange(40))
    for part in (heard.validation, heard.test, heard.unused):
        assert (np.diff(part) > 0).all()


def test_which_are_heard_belongs_to_the_fold_and_more_hold_those_of_fewer(store: Store) -> None:
    few, more = (people(store, test=count).heard(FOLD, MANIFEST) for count in (3, 6))
    assert set(few.test) < set(more.test)
    other = Fold(2, FOLD.train, FOLD.validation, FOLD.test, FOLD.unused)
    drawn = [people(store, test=5).heard(fold, MANIFEST).test.tolist() for fold in (FOLD, FOLD, other)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_what_nobody_could_tell_is_judged_by_nothing_and_replaced_by_nothing(store: Store) -> None:
    before = people(store, validation=3, test=4).heard(FOLD, MANIFEST)
    lost = [int(before.validation[0]), int(before.test[1]), 5]
    said(store, dict.fromkeys(lost, Decision("", "")))
    later = people(store, validation=3, test=4)
    after = later.heard(FOLD, MANIFEST)
    assert later.left(MANIFEST).tolist() == sorted(lost)
    np.testing.assert_array_equal(after.validation, before.validation[1:])
    np.testing.assert_array_equal(after.test, np.delete(before.test, 1))
    np.testing.assert_array_equal(after.train, FOLD.train)
    assert set(lost[:2]) <= set(after.unused)


def test_answers_that_a_training_has_begun_with_are_the_labels(store: Store) -> None:
    said(store, {3: Decision("sad", "anger=1 sad=2"), 4: Decision("", ""), 30: Decision("anger", "anger=1")})
    manifest = people(store).labelled(MANIFEST)
    assert manifest.classes == ("anger", "sad")
    known = {row: label for row, label in enumerate(manifest.labels.tolist()) if label != UNKNOWN}
    assert known == {3: 1, 30: 0}
    assert manifest.votes is not None
    assert manifest.votes.counts[3].tolist() == [1, 2]


def test_a_trajectory_reads_answers_once_and_another_one_those_since(store: Store) -> None:
    first = people(store)
    assert first.left(MANIFEST).tolist() == []
    said(store, {7: Decision("", "")})
    assert first.left(MANIFEST).tolist() == []
    assert people(store).left(MANIFEST).tolist() == [7]


def test_what_is_asked_has_files_parts_and_lengths_in_the_order_chosen(store: Store) -> None:
    people(store).ask(1, "key", [12, 3], MANIFEST, FOLD)
    asked = Asked.read(labelling_place(store.place, "abc"), 1)
    assert asked is not None
    table = MANIFEST.table
    assert (asked.round, asked.key) == (1, "key")
    assert [clip.utterance for clip in asked.clips] == table["utterance"][[12, 3]].tolist()
    assert [clip.path for clip in asked.clips] == table["path"][[12, 3]].tolist()
    assert {clip.part for clip in asked.clips} == {"train"}
    assert {clip.seconds for clip in asked.clips} == {1.0}


def test_parts_are_asked_for_in_turns_so_that_no_part_comes_last(store: Store) -> None:
    rows = [*FOLD.train.tolist(), *FOLD.validation.tolist(), *FOLD.test.tolist()]
    people(store).ask(0, "key", rows, MANIFEST, FOLD)
    asked = Asked.read(labelling_place(store.place, "abc"), 0)
    assert asked is not None
    ids = MANIFEST.table["utterance"]
    part_of = {ids[row]: part for part in ("train", "validation", "test") for row in getattr(FOLD, part)}
    assert {clip.utterance: clip.part for clip in asked.clips} == part_of
    parts = [clip.part for clip in asked.clips]
    assert sum(one != other for one, other in itertools.pairwise(parts)) > 4
    people(store).ask(0, "key", rows, MANIFEST, FOLD)
    assert Asked.read(labelling_place(store.place, "abc"), 0) == asked, "another order each time"


def test_a_study_of_a_labelling_that_is_not_in_the_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoLabelling, match="holds no labelling 'abc'"):
        people(Store(str(tmp_path)))
