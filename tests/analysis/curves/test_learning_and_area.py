import numpy as np
import pytest

from analysis.curves import area, areas, bootstrap_over_seeds, global_score, learning_curves
from tests.analysis.curves.oracles import O11_A, O11_R, RATIOS


@pytest.mark.parametrize(
    ("scores", "axis", "expected"),
    [
        (O11_A, "linear", 0.7697398990),
        (O11_R, "linear", 0.7483813131),
        (O11_A, "log2", 0.6890544117),
        (O11_R, "log2", 0.6518890619),
    ],
)
def test_o11_area_under_the_curve(scores, axis, expected):
    assert area(RATIOS, scores, axis) == pytest.approx(expected, abs=1e-6)


def test_area_does_not_depend_on_the_unit_of_the_share():
    percents = [100 * ratio for ratio in RATIOS]
    assert area(percents, O11_A, "log2") == pytest.approx(area(RATIOS, O11_A, "log2"))


def test_a_point_is_the_mean_over_folds_of_the_mean_over_seeds(make_study):
    results = make_study(lambda strategy, percent, fold, seed: (fold + seed) / 4).results
    curves = learning_curves(results.frame, np.random.default_rng(0))
    assert curves["mean"].tolist() == pytest.approx([0.375] * 6)
    assert curves["sd"].tolist() == pytest.approx([0.25] * 6)
    assert curves["label"].unique().tolist() == ["random", "entropy"]


def test_a_fold_with_fewer_seeds_weighs_as_much_as_the_others(make_study):
    study = make_study(
        lambda strategy, percent, fold, seed: float(fold == 0),
        strategies=("random",),
        percents=(1,),
        folds=(0, 1),
        left_out=lambda strategy, percent, fold, seed: (fold, seed) == (0, 1),
    )
    assert learning_curves(study.results.frame, np.random.default_rng(0))["mean"].item() == 0.5


def test_the_bootstrap_keeps_all_folds():
    apart = [np.array([0.0, 0.0]), np.array([1.0, 1.0])]
    assert bootstrap_over_seeds(apart, np.random.default_rng(0)) == (0.5, 0.5)


def test_the_bootstrap_is_the_generators_and_nobody_elses():
    folds = [np.random.default_rng(fold).random(5) for fold in range(5)]
    first, second = (bootstrap_over_seeds(folds, np.random.default_rng(7)) for _ in range(2))
    assert first == second
    assert first != bootstrap_over_seeds(folds, np.random.default_rng(8))
    assert first[0] < np.mean(folds) < first[1]


def test_one_seed_has_no_band(make_study):
    results = make_study(lambda *_: 0.5, seeds=(0,)).results
    assert learning_curves(results.frame, np.random.default_rng(0))["low"].isna().all()


def test_the_interval_over_folds_is_students(make_study):
    results = make_study(lambda strategy, percent, fold, seed: 0.25 * (fold + 1), percents=(1,)).results
    curves = learning_curves(results.frame, np.random.default_rng(0), interval="folds")
    half = 4.302652729911275 * 0.25 / np.sqrt(3)
    assert curves["low"].iloc[0] == pytest.approx(0.5 - half)
    assert curves["high"].iloc[0] == pytest.approx(0.5 + half)


def test_a_curve_that_lacks_ratios_has_no_area(make_study):
    study = make_study(
        lambda *_: 0.5, left_out=lambda strategy, percent, *_: (strategy, percent) == ("entropy", 10)
    )
    table = areas(learning_curves(study.results.frame, np.random.default_rng(0))).set_index("label")
    assert table.loc["random", "linear"] == pytest.approx(0.5)
    assert np.isnan(table.loc["entropy", "log2"])


def test_o11_global_score():
    assert global_score(RATIOS, O11_A, chance=0.25) == pytest.approx(0.5854058823, abs=1e-6)
    assert global_score(RATIOS, [0.25] * 8, chance=0.25) == pytest.approx(0)
    assert global_score(RATIOS, [1.0] * 8, chance=0.25) == pytest.approx(1)
