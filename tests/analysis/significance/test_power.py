"""What a test could have seen."""

import numpy as np
import pytest
from scipy import stats

from analysis.significance import detectable_difference, fold_mean_t, power_at, sign_flip
from tests.analysis.significance.oracles import O2


def test_the_detectable_difference_is_found_with_the_power_promised():
    outcome = fold_mean_t(O2)
    shift = detectable_difference(outcome) / outcome.standard_error
    bar = stats.t.isf(0.025, outcome.df)
    assert stats.nct.sf(bar, outcome.df, shift) == pytest.approx(0.8, abs=1e-3)


def test_power_at_the_detectable_difference_is_the_power_asked_for():
    outcome = fold_mean_t(O2)
    for power in (0.5, 0.8, 0.95):
        difference = detectable_difference(outcome, power)
        assert power_at(outcome, difference) == pytest.approx(power, abs=1e-6)
        assert power_at(outcome, -difference) == pytest.approx(power, abs=1e-6)


def test_power_is_that_of_repeated_studies():
    rng = np.random.default_rng(3)
    shift, studies = 1.5, rng.normal(size=(4000, 1, 6))
    found = np.mean([fold_mean_t(study + shift).p < 0.05 for study in studies])
    spread = np.mean([stats.nct.sf(stats.t.isf(0.025, 5), 5, shift * np.sqrt(6))])
    assert found == pytest.approx(spread, abs=0.02)
    unit = fold_mean_t(np.array([[1, -1, 1, -1, 1, -1]]) * np.sqrt(5 / 6) + 1e-3)
    assert power_at(unit, shift) == pytest.approx(spread, abs=1e-3)


def test_a_test_without_a_standard_error_has_no_power_to_tell():
    outcome = sign_flip(O2)
    assert detectable_difference(outcome) is None
    assert power_at(outcome, 0.1) is None
