"""Cells of votes: what is written is read again, and what is not votes is refused."""

from __future__ import annotations

import pytest

from after_ray.errors import AfterRayError
from after_ray.votes import read_votes, write_votes


@pytest.mark.parametrize(
    "votes",
    [
        {},
        {"anger": 1},
        {"anger": 2, "neutral": 999_999},
        {"very sad": 3, "a=b": 1, "=": 4, "x=1": 2, "sad ": 5},
        {"Ärger": 1, "e\n1": 2},
    ],
)
def test_what_is_written_is_read_again(votes: dict[str, int]) -> None:
    assert read_votes(write_votes(votes)) == votes


def test_classes_are_sorted_and_those_without_votes_left_out() -> None:
    assert write_votes({"sad": 1, "anger": 2, "fear": 0}) == "anger=2 sad=1"
    assert read_votes("  sad=1 \t anger=2 ") == {"sad": 1, "anger": 2}


@pytest.mark.parametrize(
    "cell", ["anger", "anger=0", "anger=01", "anger=1.5", "anger=1000000", "x anger", "="]
)
def test_what_is_no_vote_is_refused_with_the_part_that_is_none(cell: str) -> None:
    with pytest.raises(ValueError, match=rf"^'{cell}' does not begin with class=count$"):
        read_votes(f"neutral=3 {cell}")


def test_a_class_of_two_counts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^anger is there twice$"):
        read_votes("anger=1 sad=1 anger=2")


def test_a_class_that_could_not_be_told_from_two_is_refused() -> None:
    with pytest.raises(
        AfterRayError, match=r"^The class 'a=1 b' has a blank after a '='.*Name it differently"
    ):
        write_votes({"a=1 b": 2})
