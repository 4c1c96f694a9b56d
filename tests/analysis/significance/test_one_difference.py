"""Tests of one difference against reference figures, and where the data cannot carry them."""

import numpy as np
import pytest
from scipy import stats

from analysis.significance import (
    detectable_difference,
    fold_mean_t,
    nadeau_bengio,
    nadeau_bengio_runs,
    quasi_f,
    run_t,
    seed_mean_t,
    sign_flip,
    welch_t,
    wilcoxon,
)
from tests.analysis.significance.oracles import O1, O2, O9, A, B, near


def test_o1_nadeau_bengio_on_all_scores():
    outcome = nadeau_bengio_runs(O1, 0.25)
    assert (outcome.statistic, outcome.p) == (near(1.6799701341), near(0.1272660095))
    assert outcome.interval == (near(-0.0051981909), near(0.0351981909))
    assert (outcome.df, outcome.n, outcome.estimate) == (9, 10, near(0.015))


def test_o1_with_the_real_counts_of_a_study_with_validation():
    outcome = nadeau_bengio_runs(O1, (1 / 5) / (0.9 * 4 / 5))
    assert (outcome.statistic, outcome.p) == (near(1.6170274019), near(0.1403273425))


def test_o1_naive_fold_and_seed_means_are_three_verdicts_on_the_same_data():
    naive, folds, seeds = run_t(O1), fold_mean_t(O1), seed_mean_t(O1)
    assert (naive.statistic, naive.p) == (near(3.1429363310), near(0.0118717672))
    assert (folds.statistic, folds.p, folds.df) == (near(2.3717082451), near(0.0766781402), 4)
    assert (seeds.statistic, seeds.p, seeds.df) == (near(15), near(0.0423785693), 1)


def test_naive_over_corrected_is_the_known_ratio():
    ratio = run_t(O2).statistic / nadeau_bengio_runs(O2, 0.25).statistic
    assert ratio == near(3.6742346142)


def test_o2_four_tests():
    naive, seeds, folds = run_t(O2), seed_mean_t(O2), fold_mean_t(O2)
    corrected = nadeau_bengio_runs(O2, 0.25)
    assert (naive.statistic, naive.p) == (near(3.5038743092), near(9.897725e-4))
    assert (seeds.statistic, seeds.p) == (near(2.6824786543), near(0.0251039207))
    assert (folds.statistic, folds.p) == (near(2.5562411095), near(0.0628879745))
    assert folds.interval == (near(-0.0008235335), near(0.0199435335))
    assert (corrected.statistic, corrected.p) == (near(0.9536337978), near(0.3449499722))


def test_o3_crossed_quasi_f():
    outcome = quasi_f(O2)
    assert outcome.statistic == near(2.0721634650)
    assert outcome.df == near(6.6976444879)
    assert outcome.p == near(0.0787742978)


def test_nadeau_bengio_on_fold_means_follows_its_formula():
    means = O2.mean(axis=0)
    statistic = means.mean() / np.sqrt(means.var(ddof=1) * (1 / 5 + 0.25))
    outcome = nadeau_bengio(O2, 0.25)
    assert (outcome.statistic, outcome.p) == (near(statistic), near(2 * stats.t.sf(statistic, 4)))
    assert outcome.n == 5


def test_o9_sign_flips_and_t():
    outcome, t = sign_flip(O9[None, :]), fold_mean_t(O9[None, :])
    assert outcome.p == near(0.009765625)
    assert outcome.p == near(stats.wilcoxon(O9).pvalue)
    assert (t.statistic, t.p) == (near(3.5537279761), near(0.0061796900))
    assert t.interval == (near(0.0046520461), near(0.0209479539))


def test_one_seed_leaves_the_crossed_test_undefined_and_says_so():
    outcome = quasi_f(O2[:1])
    assert (outcome.status, outcome.p) == ("undefined", None)
    assert "at least 2 seeds and 2 folds, has 1 and 5" in outcome.reason


@pytest.mark.parametrize("test", [quasi_f, fold_mean_t, seed_mean_t, run_t, sign_flip])
def test_all_zero_differences_are_identical(test):
    outcome = test(np.zeros((3, 5)))
    assert (outcome.status, outcome.p, outcome.estimate) == ("identical", None, 0.0)


@pytest.mark.parametrize("test", [quasi_f, fold_mean_t, seed_mean_t, run_t])
def test_no_variance_is_said_and_never_nan(test):
    outcome = test(np.full((3, 5), 0.1))
    assert (outcome.status, outcome.p, outcome.interval) == ("undefined", None, None)
    assert "no variance" in outcome.reason


def test_one_fold_is_no_sample_of_speakers():
    assert nadeau_bengio(O2[:, :1], 0.25).status == "undefined"
    assert fold_mean_t(O2[:, :1]).status == "undefined"
    assert seed_mean_t(O2[:, :1]).status == "tested"


def test_a_negative_variance_component_counts_as_zero():
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(4, 5))
    noise -= noise.mean(axis=1, keepdims=True)  # no seed effect at all: MS_seed is 0, below MS_error
    outcome = quasi_f(noise + 1.0)
    folds = fold_mean_t(noise + 1.0)
    assert (outcome.df, outcome.p) == (4, near(folds.p))


@pytest.mark.parametrize("shape", [(2, 2), (2, 10), (10, 2), (5, 24)])
def test_random_data_of_any_shape_gives_finite_outcomes(shape):
    rng = np.random.default_rng(0)
    for _ in range(50):
        outcome = quasi_f(rng.normal(size=shape))
        assert outcome.df > 0.8
        assert np.isfinite([outcome.statistic, outcome.p, *outcome.interval]).all()
        assert np.isfinite(detectable_difference(outcome))


def test_conditional_tests_say_so():
    assert seed_mean_t(O2).scope.startswith("Conditional on these speakers")
    assert run_t(O2).scope.startswith("Conditional on these speakers")
    assert "other speakers" in quasi_f(O2).scope


def test_o9_wilcoxon():
    outcome = wilcoxon(O9[None, :])
    assert (outcome.statistic, outcome.p, outcome.n) == (3, near(0.009765625), 10)
    assert (outcome.df, outcome.interval) == (None, None)


def test_wilcoxon_on_five_folds_never_reaches_five_percent():
    assert wilcoxon(np.abs(O2) + 0.001).p == near(0.0625)


def test_wilcoxon_leaves_zero_means_out_and_ties_are_enumerated():
    assert wilcoxon(np.array([[0.01, 0.02, 0.02, 0.03, -0.01]])).p == near(0.1875)
    assert wilcoxon(np.array([[0.01, 0.02, 0.02, 0.03, 0.0]])).p == near(0.125)
    balanced = wilcoxon(np.array([[0.1, -0.1], [-0.1, 0.1]]))
    assert (balanced.status, balanced.p) == ("undefined", None)


def test_welch_is_scipys_on_seed_means_and_conditional():
    a, b = A + 0.01 * np.arange(2)[:, None], B
    outcome = welch_t(a, b)
    expected = stats.ttest_ind(a.mean(axis=1), b.mean(axis=1), equal_var=False)
    assert (outcome.statistic, outcome.p) == (near(expected.statistic), near(expected.pvalue))
    assert outcome.estimate == near(a.mean() - b.mean())
    assert outcome.interval[0] < outcome.estimate < outcome.interval[1]
    assert outcome.scope.startswith("Conditional on these speakers")
    assert outcome.standard_error == near(np.sqrt(sum(x.mean(axis=1).var(ddof=1) / 2 for x in (a, b))))


def test_welch_without_spread_or_difference_says_so():
    assert welch_t(A, A).status == "identical"
    assert welch_t(A[:1], B).status == "undefined"
    assert welch_t(np.full((3, 5), 0.5), np.full((3, 5), 0.4)).status == "undefined"
