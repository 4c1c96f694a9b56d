"""Areas of whole trajectories, paired by fold and seed with those of the reference."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.measures import area_evidence, areas_frame, areas_table
from analysis.significance import claim
from tests.analysis.measures.frames import O11_PERCENTS, o11, renamed, together, with_columns, without


def areas_of(results, reference="random"):
    frame = areas_frame(results, reference, np.random.default_rng(0))
    return frame.set_index(["corpus", "method", "strategy"] if frame["corpus"].nunique() > 1 else "strategy")


def noisy(row) -> float:
    """Entropy 0.1 ahead from the second ratio on, folds and seeds of their own."""
    ahead = 0.1 * (row.strategy == "entropy") * (row.percent > 1)
    of_trajectory = {(0, 0): 0.003, (0, 1): -0.004, (1, 0): 0.002, (1, 1): 0.001}.get(
        (row.fold, row.seed), -0.002
    )
    return 0.4 + 0.1 * row.fold + 0.02 * row.seed + ahead + of_trajectory * (row.strategy == "entropy")


def test_o11_in_a_frame(make_study) -> None:
    study = make_study(lambda *_: 0.5, percents=O11_PERCENTS, share_first=False)
    found = areas_of(with_columns(study.results, ua=o11))
    one, other = found.loc["entropy"], found.loc["random"]
    assert (one["linear"], one["log2"]) == pytest.approx((0.7697398990, 0.6890544117), abs=1e-6)
    assert (other["linear"], other["log2"]) == pytest.approx((0.7483813131, 0.6518890619), abs=1e-6)
    assert one["global_score"] == pytest.approx(0.5854058823, abs=1e-6)
    assert one["difference_log2"] == pytest.approx(0.6890544117 - 0.6518890619, abs=1e-6)
    assert one["difference_linear"] == pytest.approx(0.7697398990 - 0.7483813131, abs=1e-6)
    assert (one["ratios"], one["first_percent"], one["last_percent"]) == (8, 1, 100)
    assert (one["log2_low"], one["log2_high"]) == pytest.approx((one["log2"], one["log2"]))


def test_differences_are_paired_by_fold_and_seed(make_study) -> None:
    study = make_study(lambda *_: 0.5, percents=(1, 2, 4), folds=(0, 1, 2), seeds=(0, 1))
    results = with_columns(study.results, ua=noisy)
    (evidence,) = area_evidence(results, "random").values()
    shift = np.array([[0.003, 0.002, -0.002], [-0.004, 0.001, -0.002]])  # seeds x folds
    np.testing.assert_allclose(evidence.differences, 0.1 * 0.75 + shift)
    assert evidence.test_over_train == 0.25
    (linear,) = area_evidence(results, "random", "linear").values()
    np.testing.assert_allclose(linear.differences, 0.1 * 2.5 / 3 + shift)
    found, (expected,) = areas_of(results).loc["entropy"], claim([evidence])
    assert (found["p_quasi_f"], found["p_nadeau_bengio"]) == (expected.crossed_holm, expected.corrected_holm)
    assert (found["low"], found["high"]) == expected.crossed.interval
    assert found["verdict"] == "better"
    assert found["linear_low"] < found["linear"] < found["linear_high"]


def test_all_strategies_are_one_family_for_holm(make_study) -> None:
    study = make_study(lambda *_: 0.5, strategies=("random", "a", "b"), percents=(1, 2, 4), seeds=(0, 1, 2))
    draw = np.random.default_rng(5)
    results = with_columns(study.results, ua=lambda row: 0.5 + draw.normal(0, 0.05))
    expected = claim(list(area_evidence(results, "random").values()))
    found = areas_of(results)
    assert found.loc[["a", "b"], "p_quasi_f"].tolist() == [one.crossed_holm for one in expected]
    assert found.loc["random", "verdict"] == ""


def test_a_missing_cell_refuses_its_pair_and_marks_its_row(make_study) -> None:
    study = make_study(
        lambda *_: 0.5,
        strategies=("random", "entropy", "margin"),
        percents=(1, 2, 4),
        left_out=lambda *cell: cell == ("entropy", 4, 1, 0),
    )
    frame = areas_frame(with_columns(study.results, ua=noisy), "random", np.random.default_rng(0))
    found = frame.set_index("strategy")
    assert found.loc["entropy", "verdict"] == "not tested"
    assert found.loc["entropy", "reason"] == "ragged, planned cells missing: 1"
    assert (found.loc["entropy", "trajectories"], found.loc["entropy", "trajectories_planned"]) == (5, 6)
    assert np.isfinite(found.loc["entropy", "log2"])
    assert found.loc["margin", "verdict"] == "identical"
    rows = {row[0].text: row for row in areas_table(frame).rows}
    assert rows["entropy"][3].text.endswith(" *")
    assert not rows["entropy"][3].bold, "an area of fewer trajectories is not the best of its column"
    assert rows["entropy"][-1].text == "not tested: ragged, planned cells missing: 1"


def test_one_seed_or_one_fold_has_areas_but_no_test(make_study) -> None:
    one_seed = make_study(lambda *_: 0.5, percents=(1, 2, 4), seeds=(0,))
    found = areas_of(with_columns(one_seed.results, ua=noisy)).loc["entropy"]
    assert np.isnan([found["log2_low"], found["log2_high"]]).all()
    assert found["verdict"] == "not tested"
    assert "at least 2" in found["reason"]
    one_fold = with_columns(one_seed.results, ua=noisy)
    one_fold = type(one_fold)(one_fold.frame[one_fold.frame["fold"] == 0], one_fold.missing, one_fold.arrays)
    assert areas_of(one_fold).loc["entropy", "verdict"] == "not tested"


def test_a_single_ratio_has_no_area(make_study) -> None:
    results = make_study(lambda *_: 0.5, percents=(100,), share_first=False).results
    frame = areas_frame(results, "random", np.random.default_rng(0))
    assert frame[["linear", "log2", "global_score", "difference_log2"]].isna().all(axis=None)
    assert area_evidence(results, "random") == {}
    assert [row[2].text for row in areas_table(frame).rows] == ["—", "—"]


def test_the_reference_is_that_of_the_same_corpus_and_method(make_study) -> None:
    def ahead(by):
        return lambda row: 0.5 + by * (row.strategy == "entropy")

    cells = make_study(lambda *_: 0.5, percents=(1, 2)).results
    alone = with_columns(make_study(lambda *_: 0.5, strategies=("entropy",), percents=(1, 2)).results)
    results = together(
        with_columns(cells, ua=ahead(0.1)),
        renamed(with_columns(cells, ua=ahead(0.2)), method="glam"),
        renamed(with_columns(cells, ua=ahead(0.3)), corpus="savee"),
        renamed(alone, corpus="ravdess"),
    )
    found = areas_of(results)["difference_log2"]
    assert found[("emodb", "functionals", "entropy")] == pytest.approx(0.1)
    assert found[("emodb", "glam", "entropy")] == pytest.approx(0.2)
    assert found[("savee", "functionals", "entropy")] == pytest.approx(0.3)
    assert np.isnan(found[("ravdess", "functionals", "entropy")]), "nothing to be compared with"
    assert len(area_evidence(results, "random")) == 3


def test_curves_over_other_ratios_are_not_compared(make_study) -> None:
    short = make_study(lambda *_: 0.5, strategies=("entropy",), percents=(1, 2)).results
    long = make_study(lambda *_: 0.5, strategies=("random",), percents=(1, 2, 4)).results
    (evidence,) = area_evidence(together(long, short), "random").values()
    assert evidence.differences is None
    assert evidence.reason == "the two curves have other ratios"


def test_records_that_name_no_classes_have_no_global_score(make_study) -> None:
    found = areas_of(without(make_study(lambda *_: 0.5).results, "classes"))
    assert found["global_score"].isna().all()
    assert found["log2"].notna().all()
