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


def gain(before: NDArray[np.int64], after: NDArray[np.int64], labels: int = 50) -> Gain:
    return gain_between(TRUTH, before, after, labels)


def test_points_are_the_difference_of_the_means_of_recalls() -> None:
    found = gain(says((30, 10, 2)), says((45, 10, 7)))
    assert found.points == pytest.approx(100 * (15 / 60 + 0 + 5 / 10) / 3)
    assert found.low < found.points < found.high
    assert found.shown


def test_of_one_class_it_is_the_published_interval() -> None:
    """Agresti and Min: 60 utterances, 20 became right and 5 wrong, with half a one added to each cell."""
    truth, before, after = (np.zeros(60, dtype=np.int64) for _ in range(3))
    before[:20], after[20:25] = 1, 1
    found = gain_between(truth, before, after, 50)
    gained, lost, count = 20.5, 5.5, 62
    centre = (gained - lost) / count
    half = 1.959964 * np.sqrt(gained + lost - (gained - lost) ** 2 / count) / count
    assert (found.low, found.high) == pytest.approx((100 * (centre - half), 100 * (centre + half)))
    assert found.points == pytest.approx(100 * 15 / 60)


def test_of_many_clips_it_is_the_standard_error_within_classes() -> None:
    """Of a mean of independent class means: variances of the paired differences add up (by hand)."""
    truth = np.tile(TRUTH, 20)
    before, after = np.tile(says((30, 10, 2)), 20), np.tile(says((45, 10, 7)), 20)
    better = (after == truth).astype(float) - (before == truth)
    variances = [better[label == truth].var() / (label == truth).sum() for label in range(3)]
    half = 100 * 1.96 * np.sqrt(sum(variances)) / 3
    found = gain_between(truth, before, after, 50)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.05)


@pytest.mark.parametrize(("times", "half"), [(1, 5.909), (10, 0.685)])
def test_few_clips_of_which_none_changed_rule_little_out(times: int, half: float) -> None:
    """By hand: each class adds 1 / (n + 2)**2 to the variance."""
    truth, same = np.tile(TRUTH, times), np.tile(says((30, 10, 2)), times)
    found = gain_between(truth, same, same.copy(), 50)
    assert (found.points, found.shown) == (0, False)
    assert (-found.low, found.high) == pytest.approx((half, half), abs=0.01)


def test_it_covers_what_is_true_as_often_as_it_says() -> None:
    """Of 12 clips per class, 3 in 10 become right and 1 in 10 wrong."""
    draws = np.random.default_rng(0)
    truth, covered = np.repeat([0, 1, 2, 3], 12), 0
    for _ in range(1000):
        change = draws.random(48)
        before, after = np.where(change < 0.3, -1, truth), np.where(change > 0.9, -1, truth)
        found = gain_between(truth, before, after, 50)
        covered += found.low <= 20 <= found.high
    assert 940 <= covered <= 985


def test_a_loss_is_negative_and_none_that_is_shown_as_a_gain() -> None:
    found = gain(says((45, 20, 7)), says((20, 10, 2)))
    assert found.high < 0
    assert not found.shown


def test_variances_are_those_of_the_classes_and_not_of_all_clips_together() -> None:
    """By hand: nothing changed among 60 and among 30 clips, and all of 10 became right."""
    found = gain(says((30, 10, 0)), says((30, 10, 10)))
    variance = 1 / 62**2 + 1 / 32**2 + (11 / 12 - (10 / 12) ** 2) / 12
    centre, half = 10 / 12 / 3, 1.959964 * np.sqrt(variance) / 3
    assert found.points == pytest.approx(100 / 3)
    assert (found.low, found.high) == pytest.approx((100 * (centre - half), 100 * (centre + half)))


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
