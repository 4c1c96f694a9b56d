from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from after_ray.errors import AfterRayError, BadSchedule, BadValue, TooFewUtterances
from after_ray.learning.schedule import target_sizes
from after_ray.learning.settings import FirstRoundSettings

PAPER = [1, 5, 10, 15, 20, 30, 40, 60, 80, 100]
DEFAULT = FirstRoundSettings()


def sizes(schedule: list[float], train: int, classes: int = 4, per_class: int = 2) -> tuple[int, ...]:
    return target_sizes(schedule, train, classes, FirstRoundSettings(per_class=per_class))


def test_the_paper_schedule_on_the_pool_of_iemocap_fold_2() -> None:
    assert sizes(PAPER, 4057) == (41, 203, 406, 609, 811, 1217, 1623, 2434, 3246, 4057)


def test_a_small_corpus_starts_with_two_utterances_per_class() -> None:
    assert sizes([1, 5, 100], 300)[0] == 8
    assert sizes([1, 50], 300, classes=20)[0] == 40
    assert sizes([1, 5], 300, per_class=0)[0] == 3


def test_round_0_is_rounded_up_and_later_rounds_half_up() -> None:
    assert sizes([1, 2], 1025, per_class=0) == (11, 21)  # 10.25 and 20.5
    assert sizes([1, 2], 1024, per_class=0) == (11, 20)  # 10.24 and 20.48


OFFICIAL = [4.4, 9.2, 14.2, 19.19, 24.18]  # as docs/differences.md writes them


def test_the_budgets_of_the_official_code_can_be_written_for_its_fold() -> None:
    """4508 utterances of IEMOCAP are outside of its second session, and all of them are train (D10)."""
    assert target_sizes(OFFICIAL, 4508, 4, FirstRoundSettings(size=200)) == (200, 415, 640, 865, 1090)


def test_a_size_of_round_0_stands_whatever_its_percentage_and_classes() -> None:
    assert target_sizes([1, 50], 300, 20, FirstRoundSettings(size=30, per_class=2)) == (30, 150)


def test_a_size_of_round_0_is_for_trajectories_and_not_for_a_single_training() -> None:
    assert target_sizes([100], 300, 4, FirstRoundSettings(size=200)) == (300,)
    assert target_sizes([100], 150, 4, FirstRoundSettings(size=200)) == (150,)


@pytest.mark.parametrize(("schedule", "train"), [([1, 100], 150), ([5, 10], 10_000)])
def test_a_size_of_round_0_that_does_not_fit_is_refused_with_what_does(
    schedule: list[float], train: int
) -> None:
    with pytest.raises(BadValue) as caught:
        target_sizes(schedule, train, 4, FirstRoundSettings(size=200))
    low = {150: 2, 10_000: 500}[train]
    assert str(caught.value) == (
        f"Bad protocol.first_round.size: 200; allowed: {low} (where the schedule starts) to {train} "
        "(all of train), or null, which goes by the schedule ('protocol: official_code' says 200)."
    )


def test_percentages_are_decimals_and_not_binary_fractions() -> None:
    assert 0.07 * 100 != 7  # so that 7 % of 100 would be rounded up to 8
    assert sizes([7, 14], 100, classes=2) == (7, 14)
    assert sizes([0.7, 28.35], 1000, per_class=0) == (7, 284)


def test_a_single_point_of_100_percent_is_one_round_on_everything() -> None:
    assert sizes([100], 37) == (37,)


def test_a_round_0_beyond_train_is_refused_with_both_numbers() -> None:
    with pytest.raises(TooFewUtterances, match="7 utterances available, 8 requested"):
        sizes([1, 100], 7)


def test_a_point_that_labels_nothing_new_is_refused_with_what_would_work() -> None:
    with pytest.raises(BadSchedule) as caught:
        sizes([1, 2, 50], 300)
    sentence = str(caught.value)
    assert "2 % of the 300 training utterances is 6 labelled" in sentence
    assert "the round before has 8 already" in sentence
    assert "raise it to 2.84 % or more" in sentence
    assert sizes([1, 2.84, 50], 300) == (8, 9, 150)


def test_nothing_would_work_after_everything_is_labelled() -> None:
    with pytest.raises(BadSchedule, match="leave it out"):
        sizes([99.9, 100], 10, classes=2)


@pytest.mark.parametrize("schedule", [[], [0, 1], [-1], [1, 101], [5, 1], [1, 5, 5], [float("nan")]])
def test_percentages_out_of_range_or_order_are_refused(schedule: list[float]) -> None:
    with pytest.raises(BadValue):
        sizes(schedule, 1000)


@given(
    schedule=st.lists(st.integers(1, 10_000).map(lambda n: n / 100), min_size=1, max_size=8, unique=True).map(
        sorted
    ),
    train=st.integers(1, 20_000),
)
def test_accepted_sizes_rise_and_stay_within_train(schedule: list[float], train: int) -> None:
    try:
        result = sizes(schedule, train)
    except AfterRayError:
        assume(False)
    assert list(result) == sorted(set(result))
    assert len(result) == len(schedule)
    assert 0 < result[0] <= result[-1] <= train
    assert schedule[-1] < 100 or result[-1] == train


@given(train=st.integers(20, 50_000), share=st.floats(0.001, 0.9))
def test_the_percentage_a_refusal_names_is_accepted(train: int, share: float) -> None:
    first = 40.0
    with pytest.raises(BadSchedule) as caught:
        sizes([first, first + 1e-9], train)
    named = float(re.search(r"raise it to ([0-9.]+) %", str(caught.value))[1])  # type: ignore[index]
    before = sizes([first], train)[0]
    assert sizes([first, named], train) == (before, before + 1)
