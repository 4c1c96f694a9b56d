"""The correlated t against a reference figure and against baycomp."""

import baycomp
import numpy as np
import pytest

from analysis.significance import correlated_t
from tests.analysis.significance.oracles import O1, A, B, near


def test_o8_with_a_rope_of_one_point():
    posterior = correlated_t(O1, 0.25, rope=0.01)
    assert posterior.worse == near(0.0103571597)
    assert posterior.equivalent == near(0.2842181189)
    assert posterior.better == near(0.7054247214)


@pytest.mark.parametrize("rope", [0.005, 0.02])
def test_it_is_baycomps_where_that_can_compute_it(rope):
    posterior = correlated_t(O1, 0.25, rope)
    expected = baycomp.two_on_single(B.ravel(), A.ravel(), rope=rope, runs=2)
    assert (posterior.worse, posterior.equivalent, posterior.better) == near(expected)


def test_without_a_rope_the_tail_is_half_of_the_corrected_p():
    assert correlated_t(O1, 0.25, rope=0).better == near(0.9363669952)
    assert correlated_t(O1, 0.25, rope=0).equivalent == near(0)


def test_no_spread_is_certain():
    assert correlated_t(np.full((2, 5), 0.02), 0.25, rope=0.01).better == 1
    assert correlated_t(np.zeros((2, 5)), 0.25, rope=0.01).equivalent == 1
    assert correlated_t(np.full((1, 1), -0.02), 0.25, rope=0.01).worse == 1


def test_a_rope_below_zero_is_refused():
    with pytest.raises(ValueError, match="rope must be at least 0, not -1"):
        correlated_t(O1, 0.25, rope=-1)
