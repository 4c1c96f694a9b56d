"""The share of studies without a difference in which a test finds one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from analysis.false_positives.worlds import (
    Design,
    additive_differences,
    learner_differences,
    learner_scores,
)
from analysis.significance import (
    Outcome,
    Ranking,
    fold_mean_t,
    friedman,
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
RANKED = 4  # methods
PRIMARY = ("crossed quasi-F", "Nadeau-Bengio on fold means")


@dataclass(frozen=True)
class Rate:
    """Of one test: the share of studies in which it rejects, and how sure the simulation is of it.

    `low` and `high`: exact binomial interval (Clopper & Pearson) at 95 %. `rate` is None where the design
    never allows for the test, as one of a single seed.
    """

    test: str
    rate: float | None
    low: float
    high: float
    studies: int


@dataclass(frozen=True)
class Calibration:
    """What a design lets tests do where there is no difference.

    Attributes:
        additive: rates where effects of folds and seeds add up, with `fold_share` and `seed_share` of the
            variance; exact tests keep theirs.
        learners: rates with learners on overlapping training sets; what happens in a study.
        ranks: rates of tests on the ranks of `RANKED` methods over folds, with the same learners.
    """

    design: Design
    additive: tuple[Rate, ...]
    learners: tuple[Rate, ...]
    ranks: tuple[Rate, ...]
    fold_share: float = field(default=0.25, kw_only=True)
    seed_share: float = field(default=0.15, kw_only=True)


def calibrate(
    design: Design,
    studies: int,
    generator: np.random.Generator,
    fold_share: float = 0.25,
    seed_share: float = 0.15,
    told: Callable[[int], None] = lambda done: None,
) -> Calibration:
    """Simulate so many studies of a design in both worlds; `told` how many are done, of twice that number.

    Tests on ranks are simulated in a quarter as many.

    Raises:
        ValueError: when there are fewer than two folds: nothing is left to train on.
    """
    if design.cut < 2:
        raise ValueError(f"a design needs at least 2 folds, not {design.cut}")

    def counted(world: Callable[[], Differences], before: int) -> Iterator[Differences]:
        for number in range(studies):
            yield world()
            told(before + number + 1)

    additive = counted(lambda: additive_differences(design, generator, fold_share, seed_share), 0)
    learners = counted(lambda: learner_differences(design, generator), studies)
    return Calibration(
        design,
        tuple(false_positives(additive, design.test_over_train)),
        tuple(false_positives(learners, design.test_over_train)),
        tuple(_ranks(design, max(1, studies // 4), generator)),
        fold_share=fold_share,
        seed_share=seed_share,
    )


def false_positives(
    studies: Iterable[Differences], test_over_train: float, alpha: float = 0.05
) -> list[Rate]:
    """The rate of every test at `alpha`, first that of the pair which carries a claim."""
    tests = _tests(test_over_train)
    found = [{name: test(differences).p for name, test in tests.items()} for differences in studies]
    pair = [_both(of_study[name] for name in PRIMARY) for of_study in found]
    each = [_rate(name, [of_study[name] for of_study in found], alpha) for name in tests]
    return [_rate(PAIR, pair, alpha), *each]


def _ranks(design: Design, studies: int, generator: np.random.Generator) -> list[Rate]:
    """How often Friedman's test, and any pair of Nemenyi's, finds a difference between equal methods.

    Blocks are folds after averaging seeds. They share no test utterance, but their training sets overlap.
    """
    found: list[Ranking | str] = []
    for _ in range(studies):
        scores = learner_scores(design, generator, RANKED)
        found.append(friedman(scores.mean(axis=1).T))
    friedmans = [None if isinstance(one, str) else one.f_p for one in found]
    pairs = [None if isinstance(one, str) else float(one.nemenyi.min()) for one in found]
    return [
        _rate(f"Iman-Davenport over folds, {RANKED} methods", friedmans, 0.05),
        _rate(f"any pair of Nemenyi's test, {RANKED} methods", pairs, 0.05),
    ]


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


def _both(pair: Iterable[float | None]) -> float | None:
    """The p-value of a claim that two tests have to carry."""
    ps = list(pair)
    return None if None in ps else max(p for p in ps if p is not None)


def _rate(name: str, ps: Sequence[float | None], alpha: float) -> Rate:
    if all(p is None for p in ps):
        return Rate(name, None, 0.0, 1.0, len(ps))
    positives = sum(p is not None and p < alpha for p in ps)
    interval = stats.binomtest(positives, len(ps)).proportion_ci(0.95, method="exact")
    return Rate(name, positives / len(ps), float(interval.low), float(interval.high), len(ps))
