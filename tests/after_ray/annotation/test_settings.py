"""Annotations as a study writes them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from after_ray.annotation import CORPUS, AnnotationSettings, noise_text


def test_names_say_what_they_are_and_the_number_of_votes_is_part_of_them() -> None:
    assert AnnotationSettings() == CORPUS
    assert AnnotationSettings(name="votes", of=3).title == "votes(3)"
    assert AnnotationSettings(name="soft").title == "soft"
    assert [AnnotationSettings(name=name).of_votes for name in ("corpus", "single")] == [False, True]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"name": "votes"}, "needs 'of'"),
        ({"name": "soft", "of": 3}, "the annotation soft has 'of: 3', which only votes reads"),
        ({"name": "votes", "of": 0}, "greater than or equal to 1"),
        ({"name": "people"}, "'after-ray annotate start STUDY --audio DIR' begins; leave 'annotation' out"),
        (
            {"name": "soft", "labelling": "abc"},
            "'labelling' is of the annotation people; leave it out of soft",
        ),
        ({"name": "people", "labelling": "../x"}, "should match pattern"),
        ({"name": "people", "labelling": "abc", "of": 2}, "which only votes reads"),
        ({"name": "people", "labelling": "abc", "validation": 0}, "greater than or equal to 1"),
        ({"name": "soft", "by": "soft"}, "'by' is of the annotation people"),
        ({"name": "soft", "validation": 3}, "'validation' is of the annotation people"),
        ({"name": "majority", "test": 3}, "'test' is of the annotation people"),
        ({"name": "crowd"}, "'corpus', 'majority', 'soft', 'single', 'votes' or 'people'"),
    ],
)
def test_what_means_nothing_is_refused(written: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        AnnotationSettings.model_validate(written)


def test_meanings_differ_where_settings_do_and_leave_out_what_is_not_said() -> None:
    assert AnnotationSettings(name="soft").meaning() == {"name": "soft"}
    assert AnnotationSettings(name="votes", of=3).meaning() == {"name": "votes", "of": 3}


def test_a_share_of_noise_has_one_text() -> None:
    assert [noise_text(share) for share in (0, 0.0, -0.0, 0.1, 0.25)] == ["0", "0", "0", "0.1", "0.25"]


def test_people_are_neither_the_corpus_nor_its_votes_and_their_limits_are_in_the_meaning() -> None:
    people = AnnotationSettings(name="people", labelling="abc")
    assert (people.by_people, people.of_votes, people.of_single_votes) == (True, False, False)
    assert people.title == "people"
    assert people.meaning() == {"name": "people", "labelling": "abc"}
    soft = AnnotationSettings(name="people", labelling="abc", by="soft", validation=5, test=6)
    assert soft.meaning() == people.meaning() | {"by": "soft", "validation": 5, "test": 6}
    assert [one.by_people for one in (CORPUS, AnnotationSettings(name="soft"))] == [False, False]
