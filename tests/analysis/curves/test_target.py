"""Labels and time to a target; what is never reached is later than everything."""

import numpy as np
import pytest

from analysis.curves import FoldCurve, reach, to_target, to_targets
from tests.analysis.curves.oracles import O11_A, O11_R, RATIOS

LABELS = np.array([10.0, 20.0, 40.0])


def fold(*seeds, target=0.7):
    return FoldCurve(LABELS, np.array(seeds), target)


def test_o11_labels_to_reach():
    one, other = (reach(RATIOS, np.array(scores), 0.75) for scores in (O11_A, O11_R))
    assert (one, other) == (
        pytest.approx(0.1595637584, abs=1e-6),
        pytest.approx(0.3077625571, abs=1e-6),
    )
    assert one / other == pytest.approx(0.5184638440, abs=1e-6)


@pytest.mark.parametrize(
    ("scores", "cost"),
    [
        ([0.8, 0.1, 0.1], 10),
        ([0.6, 0.8, 0.2], 15),
        ([0.6, 0.5, 0.8], 30),  # interpolated on the running maximum, 0.6 at 20
        ([0.5, 0.7, 0.7], 20),
        ([0.5, 0.6, 0.69], np.inf),
    ],
)
def test_the_running_maximum_is_what_counts(scores, cost):
    assert reach(LABELS, np.array(scores), 0.7) == pytest.approx(cost)


def test_rounding_of_a_mean_does_not_miss_a_target():
    scores = np.array([0.1, 0.3, 0.7]).mean() * np.ones(3)  # 0.36666666666666664, below 1.1 / 3
    assert reach(LABELS, scores, 1.1 / 3) == 10


def test_the_median_over_folds_and_how_many_reach_it():
    generator = np.random.default_rng(0)
    folds = [fold([0.8, 0.8, 0.8]), fold([0.6, 0.8, 0.8]), fold([0.1, 0.2, 0.3])]
    found = to_target(folds, generator)
    assert (found.cost, found.folds_reached, found.folds) == (pytest.approx(15), 2, 3)
    assert np.isnan([found.low, found.high]).all(), "one seed leaves nothing to resample"
    assert to_target(folds[1:], generator).cost == np.inf, "half of the folds never reach it"


def test_every_fold_has_its_own_target():
    folds = [fold([0.6, 0.8, 0.8], target=0.7), fold([0.3, 0.5, 0.8], target=0.4)]
    assert to_target(folds, np.random.default_rng(0)).cost == pytest.approx(15)


def test_the_interval_resamples_seeds_within_folds_and_may_be_open_above():
    sure = fold(*[[0.6, 0.8, 0.9]] * 4)
    found = to_target([sure, sure], np.random.default_rng(0))
    assert (found.low, found.cost, found.high) == pytest.approx((15, 15, 15))
    unsure = fold([0.6, 0.75, 0.75], [0.6, 0.75, 0.75], [0.6, 0.6, 0.6])
    found = to_target([unsure], np.random.default_rng(0))
    assert found.cost == pytest.approx(20)
    assert found.low == pytest.approx(10 + 10 * 0.1 / 0.15)
    assert found.high == np.inf


def test_equal_generators_give_equal_intervals():
    folds = [fold([0.6, 0.8, 0.9], [0.5, 0.7, 0.9], [0.2, 0.9, 0.9])]
    one, other = (to_target(folds, np.random.default_rng(4)) for _ in range(2))
    assert one == other


def test_several_costs_are_read_off_the_same_draws():
    folds = [fold([0.6, 0.8, 0.9], [0.5, 0.6, 0.9], [0.2, 0.9, 0.9]), fold([0.1, 0.8, 0.8], [0.5, 0.7, 0.8])]
    costs = np.stack([LABELS, 3 * LABELS, LABELS**2])
    several = [FoldCurve(costs, each.scores, each.target) for each in folds]
    found = to_targets(several, np.random.default_rng(4))
    alone = to_target(folds, np.random.default_rng(4))
    assert found[0] == alone
    assert (found[1].cost, found[1].low, found[1].high) == pytest.approx(
        (3 * alone.cost, 3 * alone.low, 3 * alone.high)
    )
    square = FoldCurve(LABELS**2, folds[0].scores, 0.7), FoldCurve(LABELS**2, folds[1].scores, 0.7)
    assert found[2] == to_target(square, np.random.default_rng(4))


def test_folds_that_begin_above_the_target_are_counted():
    folds = [fold([0.8, 0.8, 0.8]), fold([0.6, 0.8, 0.8]), fold([0.7, 0.2, 0.3])]
    assert to_target(folds, np.random.default_rng(0)).folds_at_once == 2


def test_what_half_of_the_folds_never_reach_costs_at_least_what_all_folds_are_known_to_need():
    early, never = fold([0.6, 0.8, 0.8]), fold([0.1, 0.2, 0.3])
    generator = np.random.default_rng(0)
    found = to_target([early, early, never, never], generator)
    assert (found.cost, found.at_least) == (np.inf, pytest.approx((15 + 40) / 2))
    assert to_target([early, never, never], generator).at_least == 40
    assert to_target([early, early, never], generator).at_least == pytest.approx(15), "that is reached"
    at_once = fold([0.8, 0.8, 0.8])
    assert to_target([at_once, never], generator).at_least == 20, "it may have needed nothing"


def test_an_interval_that_is_open_above_has_a_bound_from_the_folds_that_reach():
    sure = fold(*[[0.6, 0.8, 0.9]] * 3)
    unsure = fold([0.6, 0.75, 0.75], [0.6, 0.75, 0.75], [0.6, 0.6, 0.6])
    found = to_target([sure, unsure], np.random.default_rng(0))
    assert (found.high, found.high_at_least) == (np.inf, pytest.approx((15 + 40) / 2))
    found = to_target([sure, sure], np.random.default_rng(0))
    assert (found.high, found.high_at_least) == (pytest.approx(15), pytest.approx(15))
