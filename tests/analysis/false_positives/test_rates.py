"""False-positive rates of all tests in both worlds, and that a test which lies would be seen."""

import numpy as np
import pytest

from analysis.false_positives import (
    Design,
    additive_differences,
    calibrate,
    false_positives,
    learner_differences,
    learner_scores,
)
from analysis.false_positives.rates import PAIR

DESIGN = Design(folds=5, seeds=10, cut=5)


def rates(world, studies, design=DESIGN):
    generator = np.random.default_rng(7)
    found = false_positives((world(design, generator) for _ in range(studies)), design.test_over_train)
    return {rate.test: rate for rate in found}


@pytest.mark.slow
@pytest.mark.parametrize("speakers", [1, 2, 4])
def test_the_pair_that_carries_a_claim_keeps_five_percent_with_real_learners(speakers):
    design = Design(folds=5, seeds=10, cut=5, speakers=speakers)
    found = rates(lambda design, generator: learner_differences(design, generator), 600, design)
    assert found[PAIR].rate <= 0.05
    assert found["crossed quasi-F"].rate > 0.05, "alone it does not keep its promise"
    assert found["t on seed means"].rate > 0.4, "nor does the test over runs, by far"


def test_effects_that_add_up_leave_the_crossed_test_its_size():
    found = rates(lambda design, generator: additive_differences(design, generator, 0.25, 0.15), 400)
    assert found["crossed quasi-F"].rate <= 0.08
    assert found[PAIR].rate <= found["crossed quasi-F"].rate
    assert found["t on all runs"].rate > 0.15
    assert found["Wilcoxon on fold means"].rate == 0, "five folds cannot reach five percent"
    assert {rate.studies for rate in found.values()} == {400}
    assert all(rate.low <= rate.rate <= rate.high for rate in found.values())


def test_the_additive_world_has_the_shares_it_was_asked_for():
    generator = np.random.default_rng(0)
    worlds = np.array([additive_differences(DESIGN, generator, 0.4, 0.3) for _ in range(4000)])
    assert worlds.mean() == pytest.approx(0, abs=0.02)
    assert worlds.var() == pytest.approx(1, abs=0.05)
    same_fold = (worlds[:, 0] * worlds[:, 1]).mean()
    same_seed = (worlds[:, :, 0] * worlds[:, :, 1]).mean()
    assert (same_fold, same_seed) == (pytest.approx(0.4, abs=0.03), pytest.approx(0.3, abs=0.03))


def test_neither_learner_is_better_and_both_learn():
    generator = np.random.default_rng(0)
    means = [learner_differences(Design(folds=4, seeds=3, cut=4), generator).mean() for _ in range(150)]
    assert abs(np.mean(means)) < 3 * np.std(means) / np.sqrt(150)
    assert np.std(means) > 0.005, "they differ on the speakers at hand"


def test_a_fold_without_a_class_and_one_speaker_is_scored_on_what_it_has():
    design = Design(folds=3, seeds=2, cut=3, speakers=1, utterances=3, classes=4)
    assert np.isfinite(learner_differences(design, np.random.default_rng(0))).all()


def test_a_design_that_cannot_carry_a_test_has_no_rate_for_it():
    found = calibrate(Design(folds=2, seeds=1, cut=5), 20, np.random.default_rng(0))
    rates = {rate.test: rate.rate for rate in found.learners}
    assert rates["crossed quasi-F"] is None
    assert rates[PAIR] is None
    assert rates["t on fold means"] is not None


def test_calibration_tells_how_far_it_is_and_draws_from_its_generator():
    told = []
    one = calibrate(DESIGN, 15, np.random.default_rng(3), told=told.append)
    assert told == list(range(1, 31))
    assert one == calibrate(DESIGN, 15, np.random.default_rng(3))
    assert [rate.test for rate in one.additive] == [rate.test for rate in one.learners]


def test_one_fold_leaves_nothing_to_train_on():
    with pytest.raises(ValueError, match="at least 2 folds, not 1"):
        calibrate(Design(folds=1, seeds=2, cut=1), 1, np.random.default_rng(0))


def test_ranks_over_folds_promise_too_much_where_training_sets_overlap():
    design = Design(folds=5, seeds=4, cut=5)
    friedmans, pairs = calibrate(design, 800, np.random.default_rng(3)).ranks
    assert friedmans.studies == pairs.studies == 200
    assert friedmans.test == "Iman-Davenport over folds, 4 methods"
    assert 0.06 < friedmans.rate < 0.25
    assert pairs.rate <= friedmans.rate + 0.02


def test_shares_that_leave_no_rest_are_no_error():
    values = additive_differences(Design(folds=3, seeds=2, cut=3), np.random.default_rng(0), 0.9, 0.1)
    assert np.isfinite(values).all()


def test_two_methods_are_the_first_two_of_many():
    design = Design(folds=3, seeds=2, cut=3)
    difference = learner_differences(design, np.random.default_rng(1))
    one, other = learner_scores(design, np.random.default_rng(1), 2)
    assert (difference == one - other).all()
