"""What may be claimed: both tests, a family, a dagger."""

import numpy as np
import pytest

from analysis.significance import Evidence, claim, daggers, holm
from tests.analysis.significance.oracles import O2, near


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [([0.04, 0.01, 0.03, 0.005], [0.06, 0.03, 0.06, 0.02]), ([0.04, 0.01, 0.03], [0.06, 0.03, 0.06])],
)
def test_o6_holm(p_values, adjusted):
    assert holm(p_values) == near(adjusted)


def test_a_refused_member_of_a_family_makes_the_others_no_easier():
    assert holm([0.01, None, 0.03]) == [near(0.03), None, near(0.06)]


def test_a_family_of_none_is_empty():
    assert holm([]) == []


def test_better_needs_both_tests():
    strong = Evidence(0.2 + O2)
    weak = Evidence(O2)
    better, not_shown = claim([strong, weak])
    assert (better.verdict, not_shown.verdict) == ("better", "not shown")
    assert max(better.crossed_holm, better.corrected_holm) < 0.05


def test_the_crossed_test_alone_is_not_enough():
    differences = O2 + 0.006
    (only,) = claim([Evidence(differences, test_over_train=0.28)])
    assert only.crossed.p < 0.05 < only.corrected.p
    assert only.verdict == "not shown"


def test_worse_has_its_own_name():
    assert claim([Evidence(O2 - 0.3)])[0].verdict == "worse"


def test_holm_runs_over_the_whole_family():
    alone = claim([Evidence(O2 + 0.02)])[0]
    among = claim([Evidence(O2 + 0.02)] + [Evidence(O2)] * 9)[0]
    assert among.crossed_holm == near(10 * alone.crossed_holm)


def test_identical_and_refused_members():
    identical, refused, one_seed = claim(
        [Evidence(np.zeros((3, 5))), Evidence(None, reason="ragged"), Evidence(O2[:1])]
    )
    assert identical.verdict == "identical"
    assert (refused.verdict, refused.reason) == ("not tested", "ragged")
    assert one_seed.verdict == "not tested"
    assert "at least 2 seeds" in one_seed.reason


def test_a_dagger_needs_every_baseline_and_both_tests():
    strong, weak, behind = Evidence(0.2 + O2), Evidence(O2), Evidence(O2 - 0.3)
    all_beaten, one_near, one_ahead = daggers([[strong, strong], [strong, weak], [strong, behind]])
    assert (all_beaten.shown, one_near.shown, one_ahead.shown) == (True, False, False)
    assert (one_ahead.p_crossed, one_ahead.p_corrected) == (1.0, 1.0)
    alone = claim([weak])[0]
    assert one_near.p_crossed == near(alone.crossed.p)
    assert one_near.p_corrected == near(alone.corrected.p)


def test_inside_a_dagger_nothing_is_corrected_and_over_daggers_holm():
    item = Evidence(O2 + 0.02)
    (among_many,) = daggers([[item] * 6])
    (alone,) = daggers([[item]])
    assert among_many == alone
    first, *_ = daggers([[item], [Evidence(O2)], [Evidence(O2)]])
    assert first.crossed_holm == near(3 * alone.p_crossed)


@pytest.mark.parametrize(
    ("against", "reason"),
    [
        ([], "no baseline"),
        ([Evidence(0.2 + O2), Evidence(None, reason="ragged")], "ragged"),
        ([Evidence(O2[:1])], "at least 2 seeds"),
    ],
)
def test_a_dagger_that_cannot_be_tested_says_why_and_still_counts(against, reason):
    refused, other = daggers([against, [Evidence(O2 + 0.02)]])
    assert refused.shown is None
    assert reason in refused.reason
    assert other.crossed_holm == near(2 * other.p_crossed)


def test_identical_to_one_baseline_is_not_better_than_all():
    (same,) = daggers([[Evidence(0.2 + O2), Evidence(np.zeros((10, 5)))]])
    assert (same.shown, same.p_crossed) == (False, 1.0)
