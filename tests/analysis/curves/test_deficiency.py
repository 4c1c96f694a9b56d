"""Deficiency, both published forms."""

import math

import pytest

from analysis.curves import deficiency
from tests.analysis.curves.oracles import O11_A, O11_R, RATIOS


def test_o11_both_forms():
    assert deficiency(O11_A, O11_R) == pytest.approx(0.6650570676, abs=1e-6)
    assert deficiency(O11_A, O11_R, RATIOS, kind="area") == pytest.approx(0.3665653131, abs=1e-6)


def test_a_curve_against_itself_is_one():
    assert deficiency(O11_R, O11_R) == 1
    assert deficiency(O11_R, O11_R, RATIOS, kind="area") == 1


def test_a_reference_without_a_gap_has_no_deficiency():
    assert math.isnan(deficiency([0.5, 0.6], [0.6, 0.6]))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="2 and 1 ratios"):
        deficiency([0.5, 0.6], [0.6])
    with pytest.raises(ValueError, match="needs the ratios"):
        deficiency([0.5, 0.6], [0.5, 0.7], kind="area")
