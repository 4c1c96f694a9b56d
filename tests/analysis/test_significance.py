"""Every test against figures computed elsewhere; O1 to O9 name the reference data sets."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.errors import AmbiguousSelection, EmptySelection, RaggedTable
from analysis.significance import (
    Evidence,
    claim,
    detectable_difference,
    fold_mean_t,
    holm,
    nadeau_bengio,
    nadeau_bengio_runs,
    paired,
    quasi_f,
    run_t,
    seed_mean_t,
    sign_flip,
)

A = np.array([[0.78, 0.75, 0.77, 0.74, 0.76], [0.79, 0.74, 0.78, 0.75, 0.77]])
B = np.array([[0.76, 0.74, 0.74, 0.75, 0.73], [0.77, 0.75, 0.75, 0.74, 0.75]])
O1 = A - B
O2 = np.array(
    [
        [0.016, -0.005, 0.023, 0.019, -0.014],
        [0.021, 0.024, 0.029, 0.002, -0.028],
        [0.001, -0.001, -0.037, 0.012, -0.028],
        [-0.001, -0.013, 0.004, 0.025, 0.018],
        [0.011, 0.025, -0.003, 0.024, 0.015],
        [0.015, -0.017, -0.008, 0.007, 0.002],
        [-0.007, -0.006, 0.007, 0.027, 0.001],
        [0.021, -0.015, 0.007, 0.032, 0.027],
        [-0.012, 0.028, 0.037, 0.032, 0.002],
        [0.007, 0.027, 0.049, 0.053, 0.023],
    ]
)
O9 = np.array([0.021, 0.013, -0.004, 0.032, 0.009, 0.017, -0.002, 0.025, 0.011, 0.006])


def near(value):
    return pytest.approx(value, abs=1e-6)


class TestReferenceValues:
    def test_o1_nadeau_bengio_on_all_scores(self):
        outcome = nadeau_bengio_runs(O1, 0.25)
        assert (outcome.statistic, outcome.p) == (near(1.6799701341), near(0.1272660095))
        assert outcome.interval == (near(-0.0051981909), near(0.0351981909))
        assert (outcome.df, outcome.n, outcome.estimate) == (9, 10, near(0.015))

    def test_o1_with_the_real_counts_of_a_study_with_validation(self):
        outcome = nadeau_bengio_runs(O1, (1 / 5) / (0.9 * 4 / 5))
        assert (outcome.statistic, outcome.p) == (near(1.6170274019), near(0.1403273425))

    def test_o1_naive_fold_and_seed_means_are_three_verdicts_on_the_same_data(self):
        naive, folds, seeds = run_t(O1), fold_mean_t(O1), seed_mean_t(O1)
        assert (naive.statistic, naive.p) == (near(3.1429363310), near(0.0118717672))
        assert (folds.statistic, folds.p, folds.df) == (near(2.3717082451), near(0.0766781402), 4)
        assert (seeds.statistic, seeds.p, seeds.df) == (near(15), near(0.0423785693), 1)

    def test_naive_over_corrected_is_the_known_ratio(self):
        ratio = run_t(O2).statistic / nadeau_bengio_runs(O2, 0.25).statistic
        assert ratio == near(3.6742346142)

    def test_o2_four_tests(self):
        naive, seeds, folds = run_t(O2), seed_mean_t(O2), fold_mean_t(O2)
        corrected = nadeau_bengio_runs(O2, 0.25)
        assert (naive.statistic, naive.p) == (near(3.5038743092), near(9.897725e-4))
        assert (seeds.statistic, seeds.p) == (near(2.6824786543), near(0.0251039207))
        assert (folds.statistic, folds.p) == (near(2.5562411095), near(0.0628879745))
        assert folds.interval == (near(-0.0008235335), near(0.0199435335))
        assert (corrected.statistic, corrected.p) == (near(0.9536337978), near(0.3449499722))

    def test_o3_crossed_quasi_f(self):
        outcome = quasi_f(O2)
        assert outcome.statistic == near(2.0721634650)
        assert outcome.df == near(6.6976444879)
        assert outcome.p == near(0.0787742978)

    def test_nadeau_bengio_on_fold_means_follows_its_formula(self):
        means = O2.mean(axis=0)
        statistic = means.mean() / np.sqrt(means.var(ddof=1) * (1 / 5 + 0.25))
        outcome = nadeau_bengio(O2, 0.25)
        assert (outcome.statistic, outcome.p) == (near(statistic), near(2 * stats.t.sf(statistic, 4)))
        assert outcome.n == 5

    @pytest.mark.parametrize(
        ("p_values", "adjusted"),
        [([0.04, 0.01, 0.03, 0.005], [0.06, 0.03, 0.06, 0.02]), ([0.04, 0.01, 0.03], [0.06, 0.03, 0.06])],
    )
    def test_o6_holm(self, p_values, adjusted):
        assert holm(p_values) == near(adjusted)

    def test_o9_sign_flips_and_t(self):
        outcome, t = sign_flip(O9[None, :]), fold_mean_t(O9[None, :])
        assert outcome.p == near(0.009765625)
        assert outcome.p == near(stats.wilcoxon(O9).pvalue)
        assert (t.statistic, t.p) == (near(3.5537279761), near(0.0061796900))
        assert t.interval == (near(0.0046520461), near(0.0209479539))


class TestEdges:
    def test_a_refused_member_of_a_family_makes_the_others_no_easier(self):
        assert holm([0.01, None, 0.03]) == [near(0.03), None, near(0.06)]

    def test_a_family_of_none_is_empty(self):
        assert holm([]) == []

    def test_one_seed_leaves_the_crossed_test_undefined_and_says_so(self):
        outcome = quasi_f(O2[:1])
        assert (outcome.status, outcome.p) == ("undefined", None)
        assert "at least 2 seeds and 2 folds, has 1 and 5" in outcome.reason

    @pytest.mark.parametrize("test", [quasi_f, fold_mean_t, seed_mean_t, run_t, sign_flip])
    def test_all_zero_differences_are_identical(self, test):
        outcome = test(np.zeros((3, 5)))
        assert (outcome.status, outcome.p, outcome.estimate) == ("identical", None, 0.0)

    @pytest.mark.parametrize("test", [quasi_f, fold_mean_t, seed_mean_t, run_t])
    def test_no_variance_is_said_and_never_nan(self, test):
        outcome = test(np.full((3, 5), 0.1))
        assert (outcome.status, outcome.p, outcome.interval) == ("undefined", None, None)
        assert "no variance" in outcome.reason

    def test_one_fold_is_no_sample_of_speakers(self):
        assert nadeau_bengio(O2[:, :1], 0.25).status == "undefined"
        assert fold_mean_t(O2[:, :1]).status == "undefined"
        assert seed_mean_t(O2[:, :1]).status == "tested"

    def test_a_negative_variance_component_counts_as_zero(self):
        rng = np.random.default_rng(5)
        noise = rng.normal(size=(4, 5))
        noise -= noise.mean(axis=1, keepdims=True)  # no seed effect at all: MS_seed is 0, below MS_error
        outcome = quasi_f(noise + 1.0)
        folds = fold_mean_t(noise + 1.0)
        assert (outcome.df, outcome.p) == (4, near(folds.p))

    @pytest.mark.parametrize("shape", [(2, 2), (2, 10), (10, 2), (5, 24)])
    def test_random_data_of_any_shape_gives_finite_outcomes(self, shape):
        rng = np.random.default_rng(0)
        for _ in range(50):
            outcome = quasi_f(rng.normal(size=shape))
            assert outcome.df > 0.8
            assert np.isfinite([outcome.statistic, outcome.p, *outcome.interval]).all()
            assert np.isfinite(detectable_difference(outcome))

    def test_the_crossed_test_keeps_its_size_where_the_papers_t_does_not(self):
        rng = np.random.default_rng(1)
        worlds = 0.5 * rng.normal(size=(400, 1, 5)) + 0.87 * rng.normal(size=(400, 10, 5))
        crossed = np.mean([quasi_f(world).p < 0.05 for world in worlds])
        seeds = np.mean([seed_mean_t(world).p < 0.05 for world in worlds])
        assert crossed < 0.075
        assert seeds > 0.2

    def test_conditional_tests_say_so(self):
        assert seed_mean_t(O2).scope.startswith("Conditional on these speakers")
        assert run_t(O2).scope.startswith("Conditional on these speakers")
        assert "other speakers" in quasi_f(O2).scope

    def test_the_detectable_difference_is_found_with_the_power_promised(self):
        outcome = fold_mean_t(O2)
        shift = detectable_difference(outcome) / outcome.standard_error
        bar = stats.t.isf(0.025, outcome.df)
        assert stats.nct.sf(bar, outcome.df, shift) == pytest.approx(0.8, abs=1e-3)


class TestClaim:
    def test_better_needs_both_tests(self):
        strong = Evidence(0.2 + O2)
        weak = Evidence(O2)
        better, not_shown = claim([strong, weak])
        assert (better.verdict, not_shown.verdict) == ("better", "not shown")
        assert max(better.crossed_holm, better.corrected_holm) < 0.05

    def test_the_crossed_test_alone_is_not_enough(self):
        differences = O2 + 0.006
        (only,) = claim([Evidence(differences, test_over_train=0.28)])
        assert only.crossed.p < 0.05 < only.corrected.p
        assert only.verdict == "not shown"

    def test_worse_has_its_own_name(self):
        assert claim([Evidence(O2 - 0.3)])[0].verdict == "worse"

    def test_holm_runs_over_the_whole_family(self):
        alone = claim([Evidence(O2 + 0.02)])[0]
        among = claim([Evidence(O2 + 0.02)] + [Evidence(O2)] * 9)[0]
        assert among.crossed_holm == near(10 * alone.crossed_holm)

    def test_identical_and_refused_members(self):
        identical, refused, one_seed = claim(
            [Evidence(np.zeros((3, 5))), Evidence(None, reason="ragged"), Evidence(O2[:1])]
        )
        assert identical.verdict == "identical"
        assert (refused.verdict, refused.reason) == ("not tested", "ragged")
        assert one_seed.verdict == "not tested"
        assert "at least 2 seeds" in one_seed.reason


def table(**rows):
    """Rows of (fold, seed, ua) per strategy."""
    return pd.DataFrame(
        [
            {"strategy": name, "percent": 5.0, "fold": fold, "seed": seed, "ua": ua}
            for name, values in rows.items()
            for fold, seed, ua in values
        ]
    )


class TestPaired:
    def test_pairs_by_fold_and_seed_and_never_by_position(self):
        frame = table(
            a=[(0, 0, 0.1), (0, 1, 0.2), (1, 0, 0.3), (1, 1, 0.4)],
            b=[(1, 1, 0.4), (1, 0, 0.3), (0, 1, 0.1), (0, 0, 0.0)],
        )
        result = paired(frame, {"strategy": "a"}, {"strategy": "b"})
        np.testing.assert_allclose(result, [[0.1, 0.0], [0.1, 0.0]], atol=1e-12)

    def test_refuses_a_ragged_table_and_names_the_hole(self):
        frame = table(a=[(0, 0, 0.1), (1, 0, 0.2)], b=[(0, 0, 0.1)])
        with pytest.raises(RaggedTable, match=r"strategy b: 1 of 2 cells .* \(fold 1 seed 0\)"):
            paired(frame, {"strategy": "a"}, {"strategy": "b"})

    def test_a_score_that_is_not_a_number_is_a_hole(self):
        frame = table(a=[(0, 0, 0.1), (1, 0, 0.2)], b=[(0, 0, 0.1), (1, 0, float("nan"))])
        with pytest.raises(RaggedTable):
            paired(frame, {"strategy": "a"}, {"strategy": "b"})

    def test_refuses_a_selection_that_leaves_several_cells_per_pair(self):
        frame = pd.concat([table(a=[(0, 0, 0.1)]), table(a=[(0, 0, 0.2)]).assign(percent=10.0)])
        with pytest.raises(AmbiguousSelection, match="they differ in percent"):
            paired(frame, {"strategy": "a"}, {"strategy": "a"})

    def test_refuses_a_selection_of_nothing(self):
        with pytest.raises(EmptySelection, match="strategy c"):
            paired(table(a=[(0, 0, 0.1)]), {"strategy": "a"}, {"strategy": "c"})
