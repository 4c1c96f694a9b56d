"""What annotators answer: majorities, shares, draws that belong to the utterance, noise that is nested."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.annotation import CORPUS, AnnotationSettings, Answers, answer, of_corpus
from after_ray.seeds import SeedTree
from after_ray.votes import Ballots, Votes

CLASSES = 3
LABELS = np.array([0, 1, 2, 2, 1, 0])
VOTES = np.array([[3, 1, 0], [0, 2, 2], [2, 2, 1], [2, 2, 0], [0, 0, 0], [0, 0, 1]])


def counted(votes: NDArray[np.int64]) -> Votes:
    """As votes of annotators who named one class each."""
    names = [str(name) for name in range(votes.shape[1])]
    return Votes.of([Ballots.of_counts(dict(zip(names, row, strict=True))) for row in votes.tolist()], names)


def told(name: Any = "corpus", of: int | None = None, noise: float = 0.0, seed: int = 0) -> Answers:
    settings = AnnotationSettings(name=name, of=of)
    return answer(LABELS, counted(VOTES), CLASSES, settings, noise, SeedTree(seed))


def many(rows: int = 4000) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels, and seven votes for each."""
    draws = np.random.default_rng(1)
    labels = draws.integers(CLASSES, size=rows)
    shares = np.full((rows, CLASSES), 0.2) + 0.4 * np.eye(CLASSES)[labels]
    return labels, np.array([draws.multinomial(7, row) for row in shares])


def test_the_corpus_answers_with_its_own_labels_at_the_price_of_one() -> None:
    answers = told()
    np.testing.assert_array_equal(answers.told, LABELS)
    assert answers.targets is None
    assert answers.cost.tolist() == [1] * 6
    assert told("corpus").told.tolist() == of_corpus(LABELS).told.tolist()


def test_a_majority_goes_to_the_corpus_own_label_where_it_is_tied_and_else_to_the_first() -> None:
    answers = told("majority")
    assert answers.told.tolist() == [
        0,
        1,
        0,
        0,
        1,
        2,
    ]  # tied: own 1; 0 before 1, own 2 is not tied; no votes
    assert answers.cost.tolist() == [4, 4, 5, 4, 1, 1]


def test_soft_labels_are_shares_of_votes_and_their_hard_label_is_the_majority() -> None:
    answers = told("soft")
    assert answers.targets is not None
    np.testing.assert_allclose(answers.targets[[0, 2]], [[0.75, 0.25, 0], [0.4, 0.4, 0.2]])
    np.testing.assert_array_equal(answers.targets[4], [0, 1, 0])  # nobody voted: the corpus' own
    np.testing.assert_allclose(answers.targets.sum(axis=1), 1)
    assert answers.told.tolist() == told("majority").told.tolist()


def test_one_vote_is_drawn_as_often_as_it_was_given() -> None:
    labels, votes = many()
    answers = answer(labels, counted(votes), CLASSES, AnnotationSettings(name="single"), 0, SeedTree(3))
    given = votes[np.arange(len(votes)), answers.told]
    assert (given > 0).all(), "nobody gave such a vote"
    assert set(answers.cost.tolist()) == {1}
    right = (votes[np.arange(len(votes)), labels] / 7).mean()
    assert (answers.told == labels).mean() == pytest.approx(right, abs=0.02)


def test_all_of_the_votes_are_their_majority_and_ties_go_to_the_first_drawn() -> None:
    labels, votes = many()
    seeds = SeedTree(3)
    all_of_them = answer(labels, counted(votes), CLASSES, AnnotationSettings(name="votes", of=50), 0, seeds)
    assert set(all_of_them.cost.tolist()) == {7}
    most = votes.max(axis=1)
    np.testing.assert_array_equal(votes[np.arange(len(votes)), all_of_them.told], most)
    tied = (votes == most[:, None]).sum(axis=1) > 1
    first = votes.argmax(axis=1)
    assert (all_of_them.told[~tied] == first[~tied]).all()
    assert 0.3 < (all_of_them.told[tied] == first[tied]).mean() < 0.7, "a tie always goes to one class"


def test_more_votes_are_those_of_fewer_and_some_so_that_one_of_one_is_the_single_one() -> None:
    labels, votes = many(500)
    seeds = SeedTree(2)
    single = answer(labels, counted(votes), CLASSES, AnnotationSettings(name="single"), 0, seeds)
    one, two = (
        answer(labels, counted(votes), CLASSES, AnnotationSettings(name="votes", of=of), 0, seeds)
        for of in (1, 2)
    )
    np.testing.assert_array_equal(single.told, one.told)
    np.testing.assert_array_equal(two.told, one.told)  # a tie of two goes to the first drawn
    three = answer(labels, counted(votes), CLASSES, AnnotationSettings(name="votes", of=3), 0, seeds)
    assert 0.02 < (three.told != one.told).mean() < 0.5


def test_draws_belong_to_seed_and_row_whatever_is_voted_elsewhere() -> None:
    labels, votes = many(200)
    settings = AnnotationSettings(name="votes", of=3)
    here = answer(labels, counted(votes), CLASSES, settings, 0.3, SeedTree(5))
    again = answer(labels, counted(votes), CLASSES, settings, 0.3, SeedTree(5))
    other = answer(labels, counted(votes), CLASSES, settings, 0.3, SeedTree(6))
    np.testing.assert_array_equal(here.told, again.told)
    assert (here.told != other.told).mean() > 0.1
    changed = votes.copy()
    changed[0] = [0, 7, 0]
    moved = answer(labels, counted(changed), CLASSES, settings, 0.3, SeedTree(5))
    np.testing.assert_array_equal(here.told[1:], moved.told[1:])


@pytest.mark.parametrize("name", ["corpus", "majority", "soft", "single"])
def test_noise_is_nested_uniform_over_the_other_classes_and_the_same_for_every_annotation(name: Any) -> None:
    labels, votes = many()
    settings = AnnotationSettings(name=name)
    clean, low, high = (
        answer(labels, counted(votes), CLASSES, settings, noise, SeedTree(4)) for noise in (0, 0.1, 0.3)
    )
    at_low, at_high = low.told != clean.told, high.told != clean.told
    assert (at_low <= at_high).all(), "what is flipped at 10 % is not at 30 %"
    assert at_low.mean() == pytest.approx(0.1, abs=0.02)
    assert at_high.mean() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(low.told[at_low], high.told[at_low])
    np.testing.assert_array_equal(high.cost, clean.cost)
    for label in range(CLASSES):
        into = high.told[at_high & (clean.told == label)]
        assert np.bincount(into, minlength=CLASSES)[label] == 0
        others = np.delete(np.bincount(into, minlength=CLASSES), label)
        assert others.min() > 0.4 * len(into)
    of_corpus_labels = answer(labels, None, CLASSES, CORPUS, 0.3, SeedTree(4))
    np.testing.assert_array_equal(at_high, of_corpus_labels.told != labels)


def test_a_flipped_soft_answer_is_sure_of_the_wrong_class_and_others_stay() -> None:
    labels, votes = many(300)
    settings = AnnotationSettings(name="soft")
    clean, noisy = (
        answer(labels, counted(votes), CLASSES, settings, noise, SeedTree(4)) for noise in (0, 0.3)
    )
    assert noisy.targets is not None
    assert clean.targets is not None
    flipped = noisy.told != clean.told
    np.testing.assert_array_equal(noisy.targets[flipped], np.eye(CLASSES)[noisy.told[flipped]])
    np.testing.assert_array_equal(noisy.targets[~flipped], clean.targets[~flipped])


# One says 0, one says 0 and 2, one nothing that is used. Then three that agree.
TICKED = [
    Ballots.of_annotators([{"0"}, {"0", "2"}, set()]),
    Ballots.of_annotators([{"1"}, {"1"}, {"1"}]),
]


def of_ticked(name: Any, of: int | None = None, rows: int = 2000) -> tuple[Votes, Answers]:
    """Answers to as many utterances of the first kind as of the second."""
    votes = Votes.of(TICKED * rows, ("0", "1", "2"))
    settings = AnnotationSettings(name=name, of=of)
    return votes, answer(np.tile([2, 1], rows), votes, CLASSES, settings, 0, SeedTree(1))


@pytest.mark.parametrize("name", ["majority", "soft"])
def test_all_annotators_cost_who_was_asked_whatever_they_ticked(name: Any) -> None:
    _, answers = of_ticked(name, rows=1)
    assert answers.cost.tolist() == [3, 3], "three annotations of three evaluators"
    assert answers.told.tolist() == [0, 1]
    if name == "soft":
        assert answers.targets is not None
        np.testing.assert_array_equal(answers.targets, [[0.75, 0, 0.25], [0, 1, 0]])


def test_one_annotator_is_asked_after_the_other_until_one_names_what_is_used() -> None:
    _, answers = of_ticked("single")
    first, second = answers.told[::2], answers.told[1::2]
    assert (first == 0).mean() == pytest.approx(0.75, abs=0.03)  # of two, one of whom says either
    assert (first == 2).mean() == pytest.approx(0.25, abs=0.03)
    assert set(second.tolist()) == {1}
    assert set(answers.cost[1::2].tolist()) == {1}
    assert np.bincount(answers.cost[::2], minlength=3)[1:] / 2000 == pytest.approx([2 / 3, 1 / 3], abs=0.03)


def test_votes_cost_all_who_are_asked_before_there_are_as_many_and_all_where_there_are_not() -> None:
    _, two = of_ticked("votes", 2)
    assert np.bincount(two.cost[::2], minlength=4)[2:] / 2000 == pytest.approx([1 / 3, 2 / 3], abs=0.03)
    assert set(two.cost[1::2].tolist()) == {2}
    _, three = of_ticked("votes", 3)
    assert set(three.cost.tolist()) == {3}
    np.testing.assert_array_equal(two.told[::2], three.told[::2])  # there is no third vote
    _, single = of_ticked("single")
    tied = two.told[::2] != 0
    assert (two.cost >= single.cost).all()
    np.testing.assert_array_equal(two.told[::2][tied], single.told[::2][tied])  # the one said first


def test_votes_that_are_not_there_are_not_guessed() -> None:
    with pytest.raises(ValueError, match="the annotation soft needs votes"):
        answer(LABELS, None, CLASSES, AnnotationSettings(name="soft"), 0, SeedTree(0))
