"""What answers come to: most of them, their shares, one annotator more, or nothing that could be told."""

from __future__ import annotations

import pytest

from after_ray.labelling import Answer, Decision, Undecided, decide
from after_ray.labelling.decisions import By
from after_ray.votes import read_votes


def said(*labels: str | None) -> list[Answer]:
    return [Answer("c/1", f"annotator {number}", label) for number, label in enumerate(labels)]


@pytest.mark.parametrize("by", ["majority", "soft"])
def test_an_utterance_waits_until_as_many_have_answered_as_are_asked(by: By) -> None:
    assert decide(said(), 1, by) == Undecided(1)
    assert decide(said("sad"), 3, by) == Undecided(2)
    assert decide(said("sad", None), 3, by) == Undecided(1)
    assert decide(said("sad"), 1, by) == Decision("sad", "sad=1")


def test_the_class_that_most_say_counts_with_all_votes() -> None:
    assert decide(said("sad", "anger", "sad"), 3, "majority") == Decision("sad", "anger=1 sad=2")
    assert decide(said("sad", "anger", "sad", "anger", "anger"), 3, "majority") == Decision(
        "anger", "anger=3 sad=2"
    )


def test_a_tie_asks_one_annotator_more_each_time_until_it_is_none() -> None:
    tie = Undecided(1, tied=True)
    assert decide(said("sad", "anger"), 2, "majority") == tie
    assert decide(said("sad", "anger", "happy"), 2, "majority") == tie
    assert decide(said("sad", "anger", "happy", "happy"), 2, "majority") == Decision(
        "happy", "anger=1 happy=2 sad=1"
    )


def test_soft_shares_need_no_majority_and_of_equals_the_first_by_name_is_the_class() -> None:
    one, other = decide(said("sad", "anger"), 2, "soft"), decide(said("anger", "sad"), 2, "soft")
    assert (one, other) == (Decision("anger", "anger=1 sad=1"),) * 2
    assert decide(said("sad", "anger", "anger"), 3, "soft") == Decision("anger", "anger=2 sad=1")


@pytest.mark.parametrize("by", ["majority", "soft"])
def test_who_cannot_tell_has_answered_and_is_outvoted_by_whoever_can(by: By) -> None:
    found = decide(said(None, "sad", None), 3, by)
    assert isinstance(found, Decision)
    assert (found.emotion, found.left) == ("sad", False)
    votes = read_votes(found.votes)
    assert (dict(votes.named), votes.asked) == ({("sad",): 1}, 3)


@pytest.mark.parametrize("by", ["majority", "soft"])
def test_what_nobody_can_tell_is_left_without_class_and_votes(by: By) -> None:
    found = decide(said(None, None), 2, by)
    assert found == Decision("", "", abstained=2)
    assert found.left
    assert decide(said(None), 2, by) == Undecided(1)
