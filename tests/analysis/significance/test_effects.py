"""Effect sizes against reference figures; signs are kept."""

import numpy as np

from analysis.significance import effects
from analysis.significance.effects import hedges_correction
from tests.analysis.significance.oracles import A, B, near


def test_o7():
    found = effects(A, B)
    assert (found.dz, found.d_av) == (near(0.9938837347), near(1.0100253133))
    assert found.hedges_g == near(1.0100253133 * 0.9576464270)
    assert found.d_av * (1 - 3 / (4 * 18 - 1)) == near(0.9673481873), "the usual approximation of J"
    assert (found.cliffs_delta, found.a12) == (near(0.49), near(0.745))
    assert hedges_correction(18) == near(0.9576464270)


def test_the_other_way_round_the_signs_are_others():
    there, back = effects(A, B), effects(B, A)
    assert (back.dz, back.d_av, back.hedges_g) == near((-there.dz, -there.d_av, -there.hedges_g))
    assert (back.cliffs_delta, back.a12) == near((-there.cliffs_delta, 1 - there.a12))


def test_without_spread_there_is_no_standardised_difference():
    found = effects(np.full((2, 3), 0.8), np.full((2, 3), 0.7))
    assert (found.dz, found.d_av, found.hedges_g) == (None, None, None)
    assert (found.cliffs_delta, found.a12) == (1, 1)
    assert effects(np.full((1, 1), 0.8), np.full((1, 1), 0.7)).dz is None
