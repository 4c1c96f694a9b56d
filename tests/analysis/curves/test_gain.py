"""The gain of a round over the one before, with its interval."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.curves import Gain, gain_between

TRUTH = np.repeat([0, 1, 2], [60, 30, 10])


def says(right: tuple[int, int, int]) -> NDArray[np.int64]:
    """Answers of which so many of every class are right, the first ones."""
    answers = (TRUTH + 1) % 3
    for label, count in enumerate(right):
        rows = np.flatnonzero(label == TRUTH)[:count]
        answers[rows] = label
    return answers


def gain(before: NDArray[np.int64], after: NDArray[np.int64], labels: int = 50, seed: int = 0) -> Gain:
    return gain_between(TRUTH, before, after, labels, np.random.default_rng(seed))


def test_points_are_the_difference_of_the_means_of_recalls() -> None:
    found = gain(says((30, 10, 2)), says((45, 10, 7)))
    assert found.points == pytest.approx(100 * (15 / 60 + 0 + 5 / 10) / 3)
    assert found.low < found.points < found.high
    assert found.shown


def test_the_interval_is_that_of_the_standard_error_within_classes() -> None:
    """Of a mean of independent class means: variances of the paired differences add up (by hand)."""
    before, after = says((30, 10, 2)), says((45, 10, 7))
    better = (after == TRUTH).astype(float) - (before == TRUTH)
    variances = [better[label == TRUTH].var() / (label == TRUTH).sum() for label in range(3)]
    half = 100 * 1.96 * np.sqrt(sum(variances)) / 3
    found = gain(before, after)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)


def test_what_two_rounds_get_wrong_alike_widens_nothing() -> None:
    """The same draw judges both: equal answers have no interval, whatever their UA."""
    for answers in (says((30, 10, 2)), says((1, 1, 1))):
        found = gain(answers, answers.copy())
        assert (found.points, found.low, found.high, found.shown) == (0, 0, 0, False)


def test_a_loss_is_negative_and_none_that_is_shown_as_a_gain() -> None:
    found = gain(says((45, 20, 7)), says((20, 10, 2)))
    assert found.high < 0
    assert not found.shown


def test_clips_are_drawn_within_their_classes() -> None:
    """Every draw has as many of each class: where all of a class change alike there is no interval."""
    found = gain(says((30, 10, 0)), says((30, 10, 10)))
    assert found.low == found.high == found.points == pytest.approx(100 / 3)


def test_few_clips_that_changed_either_way_show_no_gain() -> None:
    before, after = says((30, 15, 5)), says((31, 16, 5))
    after[0] = (TRUTH[0] + 1) % 3
    found = gain(before, after)
    assert found.low < 0 < found.points < found.high
    assert not found.shown


def test_it_is_told_for_as_many_labels_as_are_asked_for() -> None:
    found = Gain(points=2.0, low=-1.0, high=4.0, labels=50)
    assert found.per(100) == (4.0, -2.0, 8.0)
    assert found.per(50) == (2.0, -1.0, 4.0)


def test_one_generator_gives_one_interval() -> None:
    before, after = says((30, 10, 2)), says((45, 10, 7))
    assert gain(before, after) == gain(before, after)
    assert gain(before, after) != gain(before, after, seed=1)
