"""False-positive rates under the null, simulated: which test keeps its promise, and which does not."""

from collections.abc import Callable

import numpy as np
import pytest

from analysis.significance import nadeau_bengio, nadeau_bengio_runs, quasi_f, run_t, seed_mean_t

SEEDS, FOLDS, STUDIES = 10, 5, 4_000
RATIO = 0.25


def null_worlds(fold_share: float, seed_share: float, studies: int = STUDIES) -> np.ndarray:
    """Differences whose true mean is 0, variance 1: parts of it belong to folds and to seeds."""
    rng = np.random.default_rng([int(100 * fold_share), int(100 * seed_share)])
    folds, seeds, rest = (
        rng.normal(size=(studies, 1, FOLDS)),
        rng.normal(size=(studies, SEEDS, 1)),
        rng.normal(size=(studies, SEEDS, FOLDS)),
    )
    shares = (fold_share, seed_share, 1 - fold_share - seed_share)
    return sum(np.sqrt(share) * part for share, part in zip(shares, (folds, seeds, rest), strict=True))


def size(test: Callable[[np.ndarray], object], worlds: np.ndarray) -> float:
    """Share of studies in which the test finds a difference at 5 %."""
    return float(np.mean([test(world).p < 0.05 for world in worlds]))


@pytest.mark.slow
@pytest.mark.parametrize("fold_share", [0.0, 0.10, 0.25, 0.50])
@pytest.mark.parametrize("seed_share", [0.0, 0.15, 0.30])
def test_the_crossed_test_keeps_five_percent_under_effects_of_folds_and_seeds(fold_share, seed_share):
    found = size(quasi_f, null_worlds(fold_share, seed_share))
    margin = 3 * np.sqrt(0.055 * 0.945 / STUDIES)  # of the simulation itself
    assert found <= 0.055 + margin


@pytest.mark.slow
def test_the_others_do_what_is_known_of_them():
    worlds = null_worlds(0.25, 0.0, studies=1_500)
    assert size(run_t, worlds) > 0.22
    assert size(seed_mean_t, worlds) > 0.22
    assert size(lambda world: nadeau_bengio_runs(world, RATIO), worlds) < 0.01
    assert size(lambda world: nadeau_bengio(world, RATIO), worlds) < 0.05
