"""Joint entropies against sums over all strings of labels, written down without any posterior."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.acquisition._joint_entropy import (
    Strings,
    conditional_entropies,
    entropies,
    information,
    joint_entropy,
    strings_of,
)
from tests.after_ray.acquisition.draw_tables import FOUR_CLASSES, A, B, D, U, made_up, two_classes

ALL = 10**9  # strings at most: exact
GENERATOR = np.random.default_rng(0)


def brute_force(probabilities: NDArray[np.float64]) -> float:
    """H(Y) = -sum_y p(y) log p(y) over every string, shape (b, draws, classes)."""
    b, _, classes = probabilities.shape
    total = 0.0
    for labels in itertools.product(range(classes), repeat=b):
        p = np.prod([probabilities[i, :, label] for i, label in enumerate(labels)], axis=0).mean()
        total -= p * np.log(p) if p > 0 else 0.0
    return total


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("draws", [1, 2, 7])
@pytest.mark.parametrize("picks", [1, 2, 3, 4, 5])
def test_equals_the_sum_over_every_string(picks: int, draws: int, classes: int) -> None:
    probabilities = made_up(picks, draws, classes, seed=picks)
    found = joint_entropy(np.log(probabilities), ALL, GENERATOR)
    assert found == pytest.approx(brute_force(probabilities), abs=1e-12)


def test_the_worked_example_of_two_classes() -> None:
    log_probabilities = np.log(two_classes(A, B, U, D))
    mean = np.log(np.exp(log_probabilities).mean(axis=1))
    np.testing.assert_allclose(entropies(mean), [0.693147, 0.693147, 0.693147, 0.056002], atol=5e-7)
    conditional = conditional_entropies(log_probabilities)
    np.testing.assert_allclose(conditional, [0.325083, 0.500402, 0.693147, 0.056002], atol=5e-7)
    np.testing.assert_allclose(information(log_probabilities), [0.368064, 0.192745, 0, 0], atol=5e-7)


def test_joint_entropies_of_the_worked_example() -> None:
    assert joint_entropy(np.log(two_classes(A, A)), ALL, GENERATOR) == pytest.approx(1.164541, abs=5e-7)
    assert joint_entropy(np.log(two_classes(A, B)), ALL, GENERATOR) == pytest.approx(1.386294, abs=5e-7)
    assert strings_of(np.log(two_classes(A, A)), ALL, GENERATOR).information == pytest.approx(
        0.514375, abs=1e-6
    )
    assert strings_of(np.log(two_classes(A, B)), ALL, GENERATOR).information == pytest.approx(
        0.560809, abs=1e-6
    )


def test_information_of_the_worked_example_of_four_classes() -> None:
    expected = [0.373386, 0, 0.178088, 0.373386]
    np.testing.assert_allclose(information(np.log(FOUR_CLASSES)), expected, atol=5e-7)


@pytest.mark.parametrize(("samples", "tolerance"), [(4_000, 0.03), (40_000, 0.01)])
def test_drawn_strings_come_near_the_exact_entropy(samples: int, tolerance: float) -> None:
    log_probabilities = np.log(two_classes(A, B, B, A))
    assert joint_entropy(log_probabilities, ALL, GENERATOR) == pytest.approx(2.484557, abs=5e-7)
    for seed in range(20):
        strings = Strings.to_draw(4, samples)
        generator = np.random.default_rng(seed)
        for one in log_probabilities:
            strings = strings.longer(one, generator)
        found = strings.information + conditional_entropies(log_probabilities).sum()
        assert found == pytest.approx(2.484557, abs=tolerance)


def test_drawn_gains_come_near_the_exact_ones() -> None:
    log_probabilities = np.log(made_up(40, draws=10, classes=4))
    exact, _ = strings_of(log_probabilities[:6], ALL, GENERATOR).gains(log_probabilities)
    for seed in range(5):
        drawn, errors = strings_of(log_probabilities[:6], 4_000, np.random.default_rng(seed)).gains(
            log_probabilities
        )
        assert (np.abs(drawn - exact) < 4 * errors).all()
        assert np.abs(drawn - exact).max() < 0.01


def test_a_gain_is_what_the_longer_strings_say_more() -> None:
    log_probabilities = np.log(made_up(6, draws=5, classes=3))
    strings = strings_of(log_probabilities[:3], ALL, GENERATOR)
    gains, errors = strings.gains(log_probabilities[3:])
    longer = [strings.longer(one, GENERATOR).information for one in log_probabilities[3:]]
    np.testing.assert_allclose(gains, np.array(longer) - strings.information, atol=1e-12)
    assert not errors.any()


def test_the_order_of_draws_does_not_matter() -> None:
    probabilities = np.log(made_up(4, draws=9, classes=3))
    permuted = probabilities[:, np.random.default_rng(1).permutation(9)]
    assert joint_entropy(permuted, ALL, GENERATOR) == pytest.approx(
        joint_entropy(probabilities, ALL, GENERATOR), abs=1e-12
    )


def test_one_draw_knows_nothing_of_itself() -> None:
    log_probabilities = np.log(made_up(5, draws=1, classes=4))
    assert not information(log_probabilities).any()
    strings = strings_of(log_probabilities, ALL, GENERATOR)
    assert strings.information == pytest.approx(0, abs=1e-15)
    assert strings.gains(log_probabilities)[0] == pytest.approx(np.zeros(5), abs=1e-14)


@pytest.mark.parametrize("samples", [1_000, ALL])
def test_probabilities_of_zero_and_one(samples: int) -> None:
    """Draws that are certain, of different classes: two labels tell two draws apart, and nothing is a NaN."""
    with np.errstate(divide="ignore"):
        certain = np.log(np.array([[[1.0, 0, 0], [0, 1.0, 0]]] * 8))
    with np.errstate(all="raise", under="ignore"):
        strings = strings_of(certain, samples, np.random.default_rng(0))
        gains, _ = strings.gains(certain)
        assert information(certain) == pytest.approx(np.full(8, np.log(2)))
    assert strings.information == pytest.approx(np.log(2))
    assert gains == pytest.approx(np.zeros(8), abs=1e-15)


@pytest.mark.parametrize("picks", [80, 600])
def test_nothing_underflows(picks: int) -> None:
    """A string of 80 labels of probability 0.25 underflows in float32, one of 538 in float64."""
    alike = np.full((picks, 4, 4), np.log(0.25))
    assert 0.25**538 == 0
    found = joint_entropy(alike, 400, np.random.default_rng(0))
    assert found == pytest.approx(picks * np.log(4), rel=1e-12)


def test_many_labels_tell_the_draws_apart() -> None:
    found = strings_of(np.log(made_up(600, draws=10, classes=4)), 1_000, np.random.default_rng(0))
    assert found.information == pytest.approx(np.log(10), abs=1e-6)
    assert np.isfinite(found.log_posterior).all()


def test_equal_generators_draw_equal_strings() -> None:
    log_probabilities = np.log(made_up(8, draws=5, classes=4))
    one, two, other = (strings_of(log_probabilities, 100, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.log_posterior, two.log_posterior)
    assert not np.array_equal(one.log_posterior, other.log_posterior)
    assert len(one.log_share) == 100
