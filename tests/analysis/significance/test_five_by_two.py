"""5x2cv against reference figures and against each other."""

import numpy as np
import pytest

from analysis.significance import alpaydin_f, dietterich_t
from tests.analysis.significance.oracles import O2, near

O4 = np.array([[0.02, -0.01], [0.03, 0.01], [0.00, 0.02], [0.04, 0.01], [0.01, 0.03]])


def test_o4_dietterich():
    outcome = dietterich_t(O4)
    assert (outcome.statistic, outcome.p, outcome.df) == (near(1.1547005384), near(0.3003982981), 5)
    assert outcome.estimate == 0.02
    assert outcome.interval[0] < 0 < outcome.interval[1]


def test_o4_alpaydin():
    outcome = alpaydin_f(O4)
    assert (outcome.statistic, outcome.p) == (near(1.5333333333), near(0.3329930328))
    assert (outcome.df, outcome.df_below) == (10, 5)
    assert alpaydin_f(O4[:, ::-1]).p == near(outcome.p), "which half is first must not matter"


@pytest.mark.parametrize("test", [dietterich_t, alpaydin_f])
def test_other_designs_are_refused(test):
    assert test(np.zeros((5, 2))).status == "identical"
    refused = test(O2)
    assert refused.status == "undefined"
    assert "needs 5 draws of 2 folds, has 10 and 5" in refused.reason
    flat = test(np.full((5, 2), 0.1))
    assert (flat.status, flat.p) == ("undefined", None)
    assert "no variance" in flat.reason
