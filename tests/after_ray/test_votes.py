"""Cells of votes: what is written is read again, and what is not votes is refused."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from after_ray.errors import AfterRayError
from after_ray.votes import Ballots, Votes, read_votes, write_votes


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
    assert read_votes(write_votes(Ballots.of_counts(votes))) == Ballots.of_counts(votes)


@pytest.mark.parametrize(
    ("cell", "named", "asked"),
    [
        ("anger=2 sad=1", {("anger",): 2, ("sad",): 1}, 3),
        ("anger=2 sad=1 / 5", {("anger",): 2, ("sad",): 1}, 5),
        ("anger=1 anger,sad=1 / 3", {("anger",): 1, ("anger", "sad"): 1}, 3),
        ("a=b,very sad=2", {("a=b", "very sad"): 2}, 2),
    ],
)
def test_how_many_were_asked_and_who_named_several_is_written_and_read(
    cell: str, named: Mapping[tuple[str, ...], int], asked: int
) -> None:
    assert read_votes(cell) == Ballots(named, asked)
    assert write_votes(Ballots(named, asked)) == cell


def test_classes_are_sorted_and_those_without_votes_left_out() -> None:
    assert write_votes(Ballots.of_counts({"sad": 1, "anger": 2, "fear": 0})) == "anger=2 sad=1"
    assert write_votes(read_votes("  sad=1 \t sad,anger=2  / 3 ")) == "anger,sad=2 sad=1"
    assert write_votes(Ballots({}, 4)) == "", "nobody named what is used: the utterance is left out"


def test_three_evaluators_are_three_annotators_whatever_they_ticked() -> None:
    labels = {"anger": "anger", "sad": "sad"}
    ballots = Ballots.of_annotators([{"anger"}, {"anger", "sad"}, {"frustration"}]).mapped(labels)
    assert write_votes(ballots) == "anger=1 anger,sad=1 / 3"
    assert (ballots.voters, ballots.asked) == (2, 3)
    assert ballots.counts() == {"anger": 1.5, "sad": 0.5}


def test_labels_of_one_class_are_one_vote_of_an_annotator() -> None:
    ballots = Ballots.of_annotators([{"happy", "excited"}, {"excited"}, {"excited", "sad"}])
    mapped = ballots.mapped({"happy": "happy", "excited": "happy", "sad": "sad"})
    assert write_votes(mapped) == "happy=2 happy,sad=1"


def test_equal_shares_of_votes_are_equal_numbers() -> None:
    thirds = Ballots({("a", "b", "c"): 3, ("d",): 1}, 4)
    assert set(thirds.counts().values()) == {1.0}


def test_the_votes_of_a_corpus_are_numbers_by_the_order_of_its_classes() -> None:
    cell = read_votes("anger=1 anger,sad=1 / 3")
    votes = Votes.of([cell, Ballots({}, 0), cell], ("anger", "fear", "sad"))
    assert votes.counts.tolist() == [[1.5, 0, 0.5], [0, 0, 0], [1.5, 0, 0.5]]
    np.testing.assert_array_equal(votes.asked, [3, 0, 3])
    assert votes.ballots == ((((0,), 1), ((0, 2), 1)), (), (((0,), 1), ((0, 2), 1)))


@pytest.mark.parametrize(
    "cell",
    ["anger", "anger=0", "anger=01", "anger=1.5", "anger=1000000", "x anger", "=", "a/b=1", "a, b=1", ",=1",
     "/ 3", "sad=1 / 0"],
)  # fmt: skip
def test_what_is_no_vote_is_refused_with_the_part_that_is_none(cell: str) -> None:
    with pytest.raises(ValueError, match=r"^'.*' does not begin with class=count$") as refused:
        read_votes(f"neutral=3 {cell}" if cell != "/ 3" else cell)
    assert cell in str(refused.value) or cell.startswith("sad=1")


def test_a_class_of_two_counts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^anger is there twice$"):
        read_votes("anger=1 sad=1 anger=2")
    with pytest.raises(ValueError, match=r"^anger,sad is there twice$"):
        read_votes("anger,sad=1 sad,anger=2")


def test_more_votes_than_annotators_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^3 annotators have a vote, and 2 were asked$"):
        read_votes("anger=2 sad=1 / 2")


@pytest.mark.parametrize("name", ["a=1 b", "a,b", "a/b"])
def test_a_class_that_could_not_be_told_from_two_is_refused(name: str) -> None:
    with pytest.raises(
        AfterRayError, match=rf"^The class '{name}' has a blank after a '=', a ','.*Name it diff"
    ):
        write_votes(Ballots.of_counts({name: 2}))
