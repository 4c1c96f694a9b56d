"""The pairwise penalty matrix, and which way it reads."""

import numpy as np
import pytest
from scipy import stats

from analysis.curves import checkpoints, penalty_matrix

X = [[0.80, 0.81, 0.79, 0.82, 0.80], [0.85, 0.86, 0.84, 0.86, 0.85]]
Y = [[0.77, 0.79, 0.76, 0.78, 0.78], [0.85, 0.85, 0.85, 0.86, 0.84]]
Z = [[0.70, 0.72, 0.71, 0.69, 0.71], [0.80, 0.82, 0.79, 0.81, 0.80]]


def test_o12_rows_beat_columns_and_lower_columns_are_better():
    matrix = penalty_matrix(np.array([X, Y, Z]))
    np.testing.assert_allclose(matrix, [[0, 0.5, 1], [0, 0, 1], [0, 0, 0]])
    np.testing.assert_allclose(matrix.mean(axis=0), [0, 1 / 6, 2 / 3])


def test_the_sign_decides_who_is_beaten():
    matrix = penalty_matrix(np.array([Z, X]))
    np.testing.assert_allclose(matrix, [[0, 0], [1, 0]])


def test_ahead_by_the_same_in_every_run_is_ahead():
    scores = np.array([[[0.5, 0.75]], [[0.25, 0.5]]])
    np.testing.assert_allclose(penalty_matrix(scores), [[0, 1], [0, 0]])


def test_one_run_is_refused():
    with pytest.raises(ValueError, match="at least 2 runs, not 1"):
        penalty_matrix(np.zeros((2, 3, 1)))


def test_checkpoints_double_and_end_where_the_reference_is_nearly_done():
    labelled = [10, 15, 20, 30, 40, 90, 200]
    assert checkpoints(labelled, [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) == [0, 2, 4, 5, 6]
    assert checkpoints(labelled, [0.3, 0.4, 0.5, 0.6, 0.899, 0.9, 0.9]) == [0, 2, 4]
    assert checkpoints([10], [0.5]) == [0]


def test_every_pair_is_judged_by_the_paired_t_test():
    scores = np.random.default_rng(3).normal(0, 1, size=(4, 6, 5)) + np.arange(4)[:, None, None]
    expected = np.zeros((4, 4))
    for one in range(4):
        for other in range(4):
            for point in range(6):
                found = stats.ttest_rel(scores[one, point], scores[other, point])
                expected[one, other] += (found.pvalue < 0.05 and found.statistic > 0) / 6
    np.testing.assert_allclose(penalty_matrix(scores), expected)
    assert 0 < expected.mean() < 1
