"""Deficiency in a frame: on mean curves, of whole trajectories, against the reference beside it."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.measures import deficiencies_frame, deficiencies_table
from tests.analysis.measures.frames import O11_PERCENTS, o11, with_columns


def test_o11_in_a_frame(make_study) -> None:
    study = make_study(lambda *_: 0.5, percents=O11_PERCENTS, share_first=False)
    spread = {0: -0.01, 1: 0.01}  # its mean over seeds is nothing
    results = with_columns(study.results, ua=lambda row: o11(row) + spread[row.seed] * (row.fold + 1))
    (row,) = deficiencies_frame(results, "random").to_dict("records")
    assert (row["strategy"], row["reference"]) == ("entropy", "random")
    assert (row["by_sum"], row["by_area"]) == pytest.approx((0.6650570676, 0.3665653131), abs=1e-6)
    table = deficiencies_table(deficiencies_frame(results, "random"))
    assert table is not None
    assert [cell.text for cell in table.rows[0]] == ["entropy", "0.665", "0.367"]


def test_a_missing_cell_leaves_a_dash(make_study) -> None:
    study = make_study(
        lambda *_: 0.5, percents=O11_PERCENTS, left_out=lambda *cell: cell == ("random", 10, 0, 0)
    )
    frame = deficiencies_frame(with_columns(study.results, ua=o11), "random")
    assert np.isnan(frame[["by_sum", "by_area"]]).all(axis=None)
    table = deficiencies_table(frame)
    assert table is not None
    assert [cell.text for cell in table.rows[0]] == ["entropy", "—", "—"]


def test_nothing_to_compare_is_no_table(make_study) -> None:
    alone = make_study(lambda *_: 0.5, strategies=("entropy",)).results
    assert deficiencies_table(deficiencies_frame(alone, "random")) is None
    single = make_study(lambda *_: 0.5, percents=(100,)).results
    assert deficiencies_frame(single, "random").empty
