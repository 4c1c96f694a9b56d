"""Calibration in a frame: fold means, their interval, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.measures import calibration_frame, calibration_table
from tests.analysis.measures.frames import with_columns, without


def study_of(make_study, **options):
    options = {"percents": (1, 20, 100)} | options
    return with_columns(
        make_study(lambda *_: 0.5, **options).results,
        ece=lambda row: 0.01 * (row.fold + 1) + 0.002 * row.seed,
        loss=lambda row: 1.0 + row.fold,
    )


def test_the_mean_over_folds_and_its_t_interval(make_study) -> None:
    frame = calibration_frame(study_of(make_study)).set_index(["strategy", "percent"])
    row = frame.loc[("entropy", 20)]
    means = np.array([0.011, 0.021, 0.031])
    low, high = stats.t.interval(0.95, 2, loc=means.mean(), scale=stats.sem(means))
    assert (row["ece"], row["ece_low"], row["ece_high"]) == pytest.approx((0.021, low, high))
    assert row["nll"] == pytest.approx(2.0)
    assert (row["folds"], row["cells"], row["planned"]) == (3, 6, 6)


def test_the_table_shows_the_usual_and_the_last_ratio(make_study) -> None:
    table = calibration_table(calibration_frame(study_of(make_study)))
    assert table.columns == ("", "ECE at 20 %", "ECE at 100 %", "NLL at 20 %", "NLL at 100 %")
    assert table.rows[1][1].text == "2.1 (−0.4 to 4.6)"
    assert table.rows[1][1].value == pytest.approx(0.021)
    assert table.rows[1][3].text == "2.00 (-0.48 to 4.48)"
    single = calibration_table(calibration_frame(study_of(make_study, percents=(100,))))
    assert single.columns == ("", "ECE at 100 %", "NLL at 100 %")


def test_one_fold_has_no_interval(make_study) -> None:
    frame = calibration_frame(study_of(make_study, folds=(0,)))
    assert frame[["ece_low", "ece_high", "nll_low", "nll_high"]].isna().all(axis=None)
    assert calibration_table(frame).rows[0][1].text == "1.1"


def test_missing_cells_are_marked_and_folds_without_any_left_out(make_study) -> None:
    results = study_of(make_study, left_out=lambda name, percent, fold, _: (percent, fold) == (20, 0))
    frame = calibration_frame(results)
    row = frame.set_index(["strategy", "percent"]).loc[("entropy", 20)]
    assert row["ece"] == pytest.approx(0.026)
    assert (row["folds"], row["cells"], row["planned"]) == (2, 4, 6)
    table = calibration_table(frame)
    assert [cell.text.endswith("*") for cell in table.rows[1][1:]] == [True, False, True, False]
    assert "some cells are missing" in table.note


def test_a_fold_with_a_missing_seed_is_the_mean_of_the_others(make_study) -> None:
    results = study_of(make_study, left_out=lambda *cell: cell == ("entropy", 20, 0, 1))
    row = calibration_frame(results).set_index(["strategy", "percent"]).loc[("entropy", 20)]
    assert row["ece"] == pytest.approx((0.010 + 0.021 + 0.031) / 3)
    assert (row["folds"], row["cells"]) == (3, 5)


def test_records_without_ece_have_a_dash(make_study) -> None:
    table = calibration_table(calibration_frame(without(study_of(make_study), "ece")))
    assert [cell.text for cell in table.rows[0][1:3]] == ["—", "—"]
