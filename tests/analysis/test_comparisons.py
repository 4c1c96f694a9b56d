import dataclasses

import numpy as np
import pytest

from analysis.comparisons import compare, to_explore
from analysis.contrasts import Contrasts
from analysis.significance import correlated_t, holm, nadeau_bengio, quasi_f

STRATEGIES = Contrasts("strategies", "strategy", "random")


def wavy(strategy, percent, fold, seed):
    """Entropy is 0.1 to 0.2 better after round 0, by whole utterances."""
    gain = 0.1 + 0.05 * ((fold + 2 * seed) % 3) if strategy == "entropy" and percent > 1 else 0.0
    return 0.4 + 0.05 * fold + gain


def test_differences_are_those_of_the_cells(make_study):
    results = make_study(wavy).results
    found = compare(results, STRATEGIES)
    assert [comparison.percent for comparison in found] == [5, 10]
    expected = np.array([[0.1, 0.15, 0.2], [0.2, 0.1, 0.15]])
    for comparison in found:
        assert comparison.claim.crossed.p == pytest.approx(quasi_f(expected).p, abs=1e-9)
        assert comparison.claim.corrected.p == pytest.approx(nadeau_bengio(expected, 100 / 400).p, abs=1e-9)
        assert comparison.claim.crossed_holm == pytest.approx(min(1, 2 * comparison.claim.crossed.p))


def test_a_shared_round_0_is_not_compared_with_itself(make_study):
    shared = compare(make_study(wavy).results, STRATEGIES)
    assert 1 not in [comparison.percent for comparison in shared]


def test_equal_results_of_different_runs_are_identical(make_study):
    found = compare(make_study(wavy, share_first=False).results, STRATEGIES)
    assert found[0].claim.verdict == "identical"


def test_a_ragged_ratio_is_refused_and_the_others_are_tested(make_study):
    hole = ("random", 10, 2, 1)
    results = make_study(wavy, left_out=lambda *cell: cell == hole).results
    at_5, at_10 = compare(results, STRATEGIES)
    assert at_5.claim.crossed.p is not None
    assert (at_10.claim.verdict, at_10.further) == ("not tested", None)
    assert at_10.claim.reason == "ragged, planned cells missing: 1"


def test_a_seed_that_is_missing_everywhere_is_a_hole_too(make_study):
    results = make_study(wavy, left_out=lambda strategy, percent, fold, seed: seed == 1).results
    assert {c.claim.verdict for c in compare(results, STRATEGIES)} == {"not tested"}


THREE = ("random", "entropy", "margin")


def test_a_planned_family_without_any_result_is_refused_and_counted(make_study):
    results = make_study(wavy, strategies=THREE, left_out=lambda s, p, *_: s == "margin" and p > 1).results
    found = compare(results, STRATEGIES)
    named = {(c.candidate.strategy, c.percent): c for c in found}
    assert set(named) == {(name, percent) for name in ("entropy", "margin") for percent in (5, 10)}
    for percent in (5, 10):
        refused = named["margin", percent]
        assert (refused.claim.verdict, refused.labelled) == ("not tested", 4 * percent)
        assert refused.claim.reason == "ragged, planned cells missing: 6"
    tested = [named["entropy", percent].claim for percent in (5, 10)]
    expected = holm([tested[0].corrected.p, tested[1].corrected.p, None, None])
    assert [each.corrected_holm for each in tested] == pytest.approx(expected[:2])


def test_a_ratio_that_no_cell_has_reached_is_refused_and_counted(make_study):
    results = make_study(wavy, left_out=lambda strategy, percent, *_: percent == 10).results
    at_5, at_10 = compare(results, STRATEGIES)
    assert (at_10.percent, at_10.claim.verdict) == (10, "not tested")
    assert at_5.claim.crossed_holm == pytest.approx(min(1, 2 * at_5.claim.crossed.p))


def test_a_study_that_has_not_begun_tests_nothing(make_study):
    results = make_study(wavy, left_out=lambda *_: True).results
    assert [c.claim.verdict for c in compare(results, STRATEGIES)] == ["not tested"] * 2


def test_an_untestable_axis_has_its_reason_and_no_figure(make_study):
    for comparison in compare(make_study(wavy).results, STRATEGIES, untestable=lambda *_: "no weights"):
        assert (comparison.claim.verdict, comparison.claim.reason) == ("not tested", "no weights")
        assert comparison.claim.crossed is None
        assert comparison.further is None


def test_equal_results_with_everything_labelled_are_no_member_of_the_family(make_study):
    def until_all(strategy, percent, fold, seed):
        return wavy("random" if percent == 100 else strategy, percent, fold, seed)

    found = compare(make_study(until_all, percents=(1, 5, 100)).results, STRATEGIES)
    assert found[-1].claim.verdict == "identical"
    assert found[0].claim.crossed_holm == pytest.approx(found[0].claim.crossed.p)


def test_only_axes_with_a_choice_are_compared(make_study):
    results = make_study(wavy).results
    assert [(one.axis, one.reference) for one in to_explore(results, "random")] == [("strategy", "random")]
    assert to_explore(results, "margin") == []


def test_a_family_is_about_its_ratios_and_cells_only(make_study):
    results = make_study(wavy, strategies=THREE).results
    at_10 = Contrasts("at 10 %", "strategy", "random", percents=(10.0,))
    found = compare(results, at_10)
    assert [(one.candidate.strategy, one.percent) for one in found] == [("entropy", 10), ("margin", 10)]
    elsewhere = Contrasts("elsewhere", "strategy", "random", where={"initialization": "clustering"})
    assert compare(results, elsewhere) == []


def test_holm_runs_over_the_family_and_no_further(make_study):
    results = make_study(wavy).results
    (alone,) = compare(results, Contrasts("at 10 %", "strategy", "random", percents=(10.0,)))
    assert alone.claim.crossed_holm == pytest.approx(alone.claim.crossed.p)


def test_a_reference_that_is_not_planned_is_named(make_study):
    found = compare(make_study(wavy).results, Contrasts("x", "adaptation", "tapt"))
    assert {one.claim.reason for one in found} == {"the study plans no cell with adaptation tapt beside it"}


def test_every_further_test_stands_beside_the_claim(make_study):
    _, found = compare(make_study(wavy).results, dataclasses.replace(STRATEGIES, equivalence=0.05))
    names = [outcome.name for outcome in found.further.tests]
    assert names == [
        "t on fold means",
        "sign flips of fold means",
        "Wilcoxon on fold means",
        "Nadeau-Bengio on all scores",
        "t on seed means",
        "Welch t on seed means",
        "t on all runs",
    ]
    conditional = [o.name for o in found.further.tests if o.scope.startswith("Conditional on these speakers")]
    assert conditional == ["t on seed means", "Welch t on seed means", "t on all runs"]
    differences = np.array([[0.1, 0.15, 0.2], [0.2, 0.1, 0.15]])
    expected = correlated_t(differences, 0.25, 0.05)
    assert found.further.posterior.better == pytest.approx(expected.better)
    assert found.further.effects.dz == pytest.approx(differences.mean() / differences.std(ddof=1))


def test_members_of_a_declared_family_are_not_explored_again(make_study):
    results = make_study(wavy, strategies=THREE).results
    declared = compare(results, dataclasses.replace(STRATEGIES, percents=(10.0,)))
    explored = compare(results, STRATEGIES, without={one.pair for one in declared})
    assert [(one.candidate.strategy, one.percent) for one in explored] == [("entropy", 5), ("margin", 5)]
    assert explored[0].claim.crossed_holm == pytest.approx(min(1, 2 * explored[0].claim.crossed.p))


def test_the_real_ratio_of_test_to_train_enters_nadeau_bengio(make_study):
    results = make_study(wavy).results
    results.frame["train"] = results.frame["fold"].map({0: 100, 1: 200, 2: 50})
    _, found = compare(results, STRATEGIES)
    differences = np.array([[0.1, 0.15, 0.2], [0.2, 0.1, 0.15]])
    mean_ratio = (100 / 100 + 100 / 200 + 100 / 50) / 3
    assert found.claim.corrected.p == pytest.approx(nadeau_bengio(differences, mean_ratio).p, abs=1e-9)
    posterior = correlated_t(differences, mean_ratio, STRATEGIES.equivalence)
    assert found.further.posterior.better == pytest.approx(posterior.better)
