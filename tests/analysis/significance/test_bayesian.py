"""The correlated t against reference figures."""

import numpy as np
import pytest

from analysis.significance import correlated_t
from tests.analysis.significance.oracles import O1, near


def test_o8_with_a_rope_of_one_point():
    posterior = correlated_t(O1, 0.25, rope=0.01)
    assert posterior.worse == near(0.0103571597)
    assert posterior.equivalent == near(0.2842181189)
    assert posterior.better == near(0.7054247214)


@pytest.mark.parametrize(
    ("rope", "expected"),
    [
        (0.005, (0.0259233152, 0.1199361435, 0.8541405413)),
        (0.02, (0.0017556708, 0.7036690505, 0.2945752786)),
    ],
)
def test_it_is_baycomps_where_that_can_compute_it(rope, expected):
    """Figures of baycomp 1.0.3, which is not installed: it would put a package `tests` beside ours."""
    posterior = correlated_t(O1, 0.25, rope)
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
