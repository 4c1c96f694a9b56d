"""Trajectories are put together by fold, seed and ratio, wherever their rows stand."""

from __future__ import annotations

import numpy as np

from analysis.families import Family
from analysis.measures.trajectories import trajectories_of
from tests.analysis.measures.frames import together, with_columns

ENTROPY = Family("emodb", "functionals", "none", "entropy", "random", "fresh")


def score(row) -> float:
    return 0.1 + 0.1 * row.fold + 0.01 * row.seed + 0.001 * row.percent


def test_every_score_is_at_its_fold_seed_and_ratio(make_study) -> None:
    results = with_columns(make_study(lambda *_: 0.5, folds=(2, 0), seeds=(7, 3)).results, ua=score)
    entropy = trajectories_of(results)[ENTROPY]
    assert (entropy.folds, entropy.seeds, entropy.percents) == ((0, 2), (3, 7), (1.0, 5.0, 10.0))
    expected = [
        [
            [0.1 + 0.1 * fold + 0.01 * seed + 0.001 * ratio for ratio in entropy.percents]
            for seed in entropy.seeds
        ]
        for fold in entropy.folds
    ]
    np.testing.assert_allclose(entropy.values["score"], expected)
    np.testing.assert_allclose(entropy.values["labelled"][0, 0], [4, 20, 40])
    assert entropy.whole
    np.testing.assert_allclose(entropy.curve(), np.mean(expected, axis=(0, 1)))


def test_a_trajectory_with_a_missing_cell_is_left_out_of_curves(make_study) -> None:
    study = make_study(lambda *_: 0.5, left_out=lambda *cell: cell == ("entropy", 10, 0, 0))
    entropy = trajectories_of(with_columns(study.results, ua=score))[ENTROPY]
    assert not entropy.whole
    assert (entropy.missing, entropy.counts) == (1, {"trajectories": 5, "trajectories_planned": 6})
    assert [len(scores) for scores in entropy.by_fold().values()] == [1, 2, 2]
    by_fold = [0.11, 0.205, 0.305]  # of fold 0, seed 1 alone
    np.testing.assert_allclose(entropy.curve(), np.mean(by_fold) + 0.001 * np.array(entropy.percents))


def test_a_fold_without_a_complete_trajectory_is_left_out(make_study) -> None:
    study = make_study(lambda *_: 0.5, left_out=lambda _, percent, fold, seed: percent == 10 and fold == 1)
    entropy = trajectories_of(study.results)[ENTROPY]
    assert list(entropy.by_fold()) == [0, 2]
    nothing = make_study(lambda *_: 0.5, strategies=("a", "b"), left_out=lambda name, *_: name == "b")
    empty = list(trajectories_of(together(nothing.results)).values())[1]
    assert empty.by_fold() == {}
    assert np.isnan(empty.curve()).all()
