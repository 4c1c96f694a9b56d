"""One rule for the ratio that is spoken of first, wherever there is no room for all."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.measures import calibration_frame, calibration_table
from analysis.ratios import few_labels
from analysis.report.headline import headline


@pytest.mark.parametrize(
    ("percents", "few"),
    [((1, 5, 15, 30), 15), ((1, 20, 100), 20), ((100,), 100), ((10, 25, 60), 10), ((60, 30), 30)],
)
def test_the_largest_ratio_up_to_20_percent_else_the_smallest(percents, few) -> None:
    assert few_labels(percents) == few_labels(np.array(percents, dtype=float)) == headline(percents) == few


def test_a_table_of_measures_shows_the_ratio_of_the_headline(make_study) -> None:
    results = make_study(lambda *_: 0.5, percents=(10, 25, 60)).results
    assert headline(sorted(results.cells["percent"].unique())) == 10
    columns = calibration_table(calibration_frame(results)).columns
    assert columns == ("", "ECE at 10 %", "ECE at 60 %", "NLL at 10 %", "NLL at 60 %")
