"""Tests on paired differences of shape (seeds, folds): what is repeated decides what may be claimed.

The folds (speakers) are the same for every seed, so scores on one fold are correlated. A test over runs
answers "would another seed agree on these speakers"; only tests that treat folds as a sample answer
"would other speakers agree". Reference values for each formula are in tests/analysis/significance.
"""

from analysis.significance.aggregates import (
    interquartile_mean,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
    stratified_interval,
)
from analysis.significance.bayesian import Posterior, correlated_t
from analysis.significance.claims import Claim, Dagger, Evidence, claim, daggers
from analysis.significance.corrected import nadeau_bengio, nadeau_bengio_runs
from analysis.significance.correction import holm
from analysis.significance.crossed import quasi_f
from analysis.significance.effects import Effects, effects
from analysis.significance.exact import sign_flip, wilcoxon
from analysis.significance.five_by_two import alpaydin_f, dietterich_t
from analysis.significance.outcome import Differences, Outcome
from analysis.significance.pairing import paired, paired_cells, paired_scores
from analysis.significance.plain import fold_mean_t, run_t, seed_mean_t, welch_t
from analysis.significance.power import detectable_difference, power_at
from analysis.significance.ranks import Ranking, critical_difference, friedman
from analysis.significance.stochastic_order import violation_ratio

__all__ = [
    "Claim",
    "Dagger",
    "Differences",
    "Effects",
    "Evidence",
    "Outcome",
    "Posterior",
    "Ranking",
    "alpaydin_f",
    "claim",
    "correlated_t",
    "critical_difference",
    "daggers",
    "detectable_difference",
    "dietterich_t",
    "effects",
    "fold_mean_t",
    "friedman",
    "holm",
    "interquartile_mean",
    "nadeau_bengio",
    "nadeau_bengio_runs",
    "optimality_gap",
    "paired",
    "paired_cells",
    "paired_scores",
    "performance_profile",
    "power_at",
    "probability_of_improvement",
    "quasi_f",
    "run_t",
    "seed_mean_t",
    "sign_flip",
    "stratified_interval",
    "violation_ratio",
    "welch_t",
    "wilcoxon",
]
