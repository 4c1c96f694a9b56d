"""The share of studies without a difference in which a test finds one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scipy import stats

from analysis.significance import (
    Outcome,
    fold_mean_t,
    nadeau_bengio,
    nadeau_bengio_runs,
    quasi_f,
    run_t,
    seed_mean_t,
    sign_flip,
    wilcoxon,
)
from analysis.significance.outcome import Differences

PAIR = "both primary tests"


@dataclass(frozen=True)
class Rate:
    """Of one test: the share of studies in which it rejects, and how sure the simulation is of it.

    `low` and `high`: exact binomial interval (Clopper & Pearson) at 95 %.
    """

    test: str
    rate: float
    low: float
    high: float
    studies: int


def false_positives(
    studies: Iterable[Differences], test_over_train: float, alpha: float = 0.05
) -> list[Rate]:
    """The rate of every test at `alpha`, first that of the pair which carries a claim."""
    tests = _tests(test_over_train)
    rejected: dict[str, int] = {}
    count = 0
    for differences in studies:
        count += 1
        found = {name: _rejects(test(differences), alpha) for name, test in tests.items()}
        found = {PAIR: found["crossed quasi-F"] and found["Nadeau-Bengio on fold means"], **found}
        for name, positive in found.items():
            rejected[name] = rejected.get(name, 0) + positive
    return [_rate(name, positives, count) for name, positives in rejected.items()]


def _tests(test_over_train: float) -> dict[str, Callable[[Differences], Outcome]]:
    return {
        "crossed quasi-F": quasi_f,
        "Nadeau-Bengio on fold means": lambda values: nadeau_bengio(values, test_over_train),
        "Nadeau-Bengio on all scores": lambda values: nadeau_bengio_runs(values, test_over_train),
        "t on fold means": fold_mean_t,
        "sign flips of fold means": sign_flip,
        "Wilcoxon on fold means": wilcoxon,
        "t on seed means": seed_mean_t,
        "t on all runs": run_t,
    }


def _rejects(outcome: Outcome, alpha: float) -> bool:
    return outcome.p is not None and outcome.p < alpha


def _rate(name: str, positives: int, studies: int) -> Rate:
    interval = stats.binomtest(positives, studies).proportion_ci(0.95, method="exact")
    return Rate(name, positives / studies, float(interval.low), float(interval.high), studies)
