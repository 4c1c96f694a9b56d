"""Aggregates over runs and tasks, and their bootstrap."""

import numpy as np
import pytest

from analysis.significance.aggregates import (
    interquartile_mean,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
    stratified_interval,
)
from analysis.significance.stochastic_order import violation_ratio
from tests.analysis.significance.oracles import near

O10 = np.array([[0.2, 0.5, 0.9], [0.3, 0.4, 0.8], [0.1, 0.6, 1.1], [0.4, 0.5, 0.7], [0.25, 0.45, 0.95]])
LOWER = O10 - [0.05, -0.02, 0.10]


def test_o10_aggregates():
    assert interquartile_mean(O10) == near(0.5166666667)
    assert optimality_gap(O10) == near(0.4633333333)
    assert O10.mean() == near(0.5433333333)
    np.testing.assert_allclose(performance_profile(O10, [0.25, 0.45, 0.90]), [0.8, 8 / 15, 2 / 15])


def test_o10_probability_of_improvement():
    each = [probability_of_improvement(O10[:, [task]], LOWER[:, [task]]) for task in range(3)]
    assert each == near([0.64, 0.36, 0.66])
    assert probability_of_improvement(O10, LOWER) == near(0.5533333333)


def test_the_bootstrap_keeps_every_task():
    apart = np.tile([0.0, 1.0], (4, 1))
    assert stratified_interval(apart, np.mean, np.random.default_rng(0)) == (0.5, 0.5)


def test_the_bootstrap_covers_what_repeated_runs_give():
    generator = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        scores = generator.normal([0.3, 0.7], 0.1, size=(20, 2))
        low, high = stratified_interval(scores, np.mean, generator, draws=300)
        inside += low <= 0.5 <= high
    assert 0.88 <= inside / 200 <= 0.99


def test_equal_generators_give_equal_intervals():
    one, other = (
        stratified_interval(O10, interquartile_mean, np.random.default_rng(2), draws=50) for _ in range(2)
    )
    assert one == other


@pytest.mark.parametrize(
    ("a", "expected"),
    [([0.70, 0.82, 0.79, 0.83, 0.81], 0.7903225806), ([0.80, 0.82, 0.79, 0.83, 0.81], 0.0)],
)
def test_o14_violation_ratio(a, expected):
    b = np.array([0.78, 0.80, 0.81, 0.79, 0.77])
    assert violation_ratio(np.array(a), b) == near(expected)
    assert violation_ratio(b, np.array(a)) == near(1 - expected)


def test_samples_of_unlike_size_are_compared_by_quantiles():
    a, b = np.array([0.1, 0.4]), np.array([0.2, 0.3, 0.35])
    fine = (np.arange(600_000) + 0.5) / 600_000
    gaps = np.quantile(a, fine, method="inverted_cdf") - np.quantile(b, fine, method="inverted_cdf")
    assert violation_ratio(a, b) == near((np.minimum(gaps, 0) ** 2).sum() / (gaps**2).sum())
    assert np.isnan(violation_ratio(np.array([0.1, 0.2]), np.array([0.1, 0.1, 0.2, 0.2])))
