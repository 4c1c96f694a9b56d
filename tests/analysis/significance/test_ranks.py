"""Friedman, Iman-Davenport and Nemenyi against Demsar's example and a second data set."""

import numpy as np
import pytest
from scipy import stats

from analysis.significance import critical_difference, friedman
from analysis.significance.ranks import iman_davenport
from tests.analysis.significance.oracles import near

SCORES = np.array(
    [
        (0.71, 0.74, 0.70, 0.76),
        (0.68, 0.69, 0.66, 0.72),
        (0.80, 0.79, 0.78, 0.83),
        (0.55, 0.60, 0.54, 0.59),
        (0.62, 0.66, 0.61, 0.67),
        (0.73, 0.75, 0.74, 0.78),
    ]
)


def test_o5_demsars_example():
    f, p = iman_davenport(9.28, blocks=14, methods=4)
    assert (f, p) == (pytest.approx(3.69, abs=5e-3), pytest.approx(0.0197678, abs=1e-4))
    assert critical_difference(4, 14) == near(1.2535591471)
    assert critical_difference(4, 14, alpha=0.10) == near(1.1180601670)


@pytest.mark.parametrize(
    ("methods", "q"), [(2, 1.9600), (3, 2.3437), (4, 2.5690), (5, 2.7278), (7, 2.9483), (10, 3.1637)]
)
def test_q_is_the_studentised_range_over_the_root_of_two(methods, q):
    found = critical_difference(methods, 6) / np.sqrt(methods * (methods + 1) / 36)
    assert found == pytest.approx(q, abs=5e-5)


def test_o5_second_data_set():
    ranking = friedman(SCORES)
    np.testing.assert_allclose(ranking.ranks, [3, 2, 3.8333333, 1.1666667], atol=1e-6)
    assert (ranking.chi2, ranking.p) == (near(14.6), near(0.0021924381))
    assert (ranking.f, ranking.f_p) == (near(21.4705882), near(1.1033390e-5))
    assert ranking.critical_difference == near(1.9148432266)
    pairs = ranking.nemenyi[np.triu_indices(4, 1)]
    expected = [0.5362870, 0.6783877, 0.0663895, 0.0663895, 0.6783877, 0.0019661]
    np.testing.assert_allclose(pairs, expected, atol=1e-6)


def test_more_is_better():
    assert friedman(SCORES).ranks.argmin() == SCORES.mean(axis=0).argmax()


def test_blocks_that_agree_entirely_leave_no_doubt():
    ranking = friedman(np.tile([0.1, 0.2, 0.3], (5, 1)) + np.arange(5)[:, None])
    assert ranking.f == np.inf
    assert ranking.f_p == 0


def test_ties_are_corrected_for():
    tied = np.round(SCORES, 1)
    assert friedman(tied).chi2 == near(stats.friedmanchisquare(*tied.T).statistic)


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        (SCORES[:1], "at least 2 blocks and 3 methods, has 1 and 4"),
        (SCORES[:, :2], "has 6 and 2"),
        (np.where(SCORES > 0.82, np.nan, SCORES), "a score of every method"),
        (np.full((4, 3), 0.5), "identical on every block"),
    ],
)
def test_what_cannot_be_ranked_is_said(scores, sentence):
    assert sentence in friedman(scores)
