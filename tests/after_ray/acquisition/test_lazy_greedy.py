from __future__ import annotations

import numpy as np
import pytest

from after_ray.acquisition import _lazy_greedy as module
from after_ray.acquisition._joint_entropy import strings_of
from after_ray.acquisition._lazy_greedy import SATURATED, Batch, lazy_greedy
from tests.after_ray.acquisition.draw_tables import made_up

ALL = 10**9
GENERATOR = np.random.default_rng(0)


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two candidates are looked at before bounds are asked again, as in a large pool."""
    monkeypatch.setattr(module, "_CELLS_AT_ONCE", 1)
    monkeypatch.setattr(module, "_LEAST_AT_ONCE", 2)


def information(log_probabilities: np.ndarray, batch: Batch, samples: int = ALL) -> float:
    picked = log_probabilities[batch.positions]
    return strings_of(picked, samples, np.random.default_rng(9)).information


@pytest.mark.usefixtures("few_at_once")
@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("draws", [2, 5, 20])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_picks_what_a_search_of_every_candidate_picks(seed: int, draws: int, classes: int) -> None:
    log_probabilities = np.log(made_up(25, draws, classes, seed, spread=0.7))
    found = lazy_greedy(log_probabilities, 5, ALL, GENERATOR, least=-1)
    picked: list[int] = []
    for gain in found.gains:
        before = strings_of(log_probabilities[picked], ALL, GENERATOR).information if picked else 0.0
        after = [
            -np.inf
            if i in picked
            else strings_of(log_probabilities[[*picked, i]], ALL, GENERATOR).information
            for i in range(25)
        ]
        picked.append(int(np.argmax(after)))
        assert gain == pytest.approx(max(after) - before, abs=1e-11)
    assert found.positions.tolist() == picked


@pytest.mark.usefixtures("few_at_once")
@pytest.mark.parametrize("samples", [1_000, 3_000, ALL])
def test_bounds_change_no_pick(samples: int) -> None:
    budget = 5 if samples == ALL else 15
    for seed in range(3):
        log_probabilities = np.log(made_up(80, 12, 3, seed, spread=0.4))
        lazy, plain = (
            lazy_greedy(log_probabilities, budget, samples, np.random.default_rng(seed), lazy=lazy)
            for lazy in (True, False)
        )
        assert lazy.positions.tolist() == plain.positions.tolist()
        assert np.array_equal(lazy.gains, plain.gains)


def test_bounds_spare_most_of_the_candidates() -> None:
    log_probabilities = np.log(made_up(1_000, 20, 4, spread=0.3))
    lazy, plain = (
        lazy_greedy(log_probabilities, 20, 2_000, np.random.default_rng(0), lazy=lazy)
        for lazy in (True, False)
    )
    assert plain.evaluations == sum(range(981, 1_000))
    assert lazy.evaluations < plain.evaluations / 2


def test_strings_are_drawn_only_where_all_of_them_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    real = module.strings_of

    def told(log_probabilities: np.ndarray, samples: int, generator: np.random.Generator) -> module.Strings:
        lengths.append(len(log_probabilities))
        return real(log_probabilities, samples, generator)

    monkeypatch.setattr(module, "strings_of", told)
    log_probabilities = np.log(made_up(20, 5, 4))
    lazy_greedy(log_probabilities, 5, 4**4, GENERATOR)
    assert lengths == [5]  # four earlier picks have 4^4 strings, five have more
    lazy_greedy(log_probabilities, 5, 4**4 - 1, GENERATOR)
    assert lengths == [5, 4]


def test_gains_fall_and_are_never_negative() -> None:
    log_probabilities = np.log(made_up(60, 8, 3))
    exact = lazy_greedy(log_probabilities, 7, ALL, GENERATOR, least=-1)
    assert (np.diff(exact.gains) < 1e-12).all()
    drawn = lazy_greedy(log_probabilities, 60, 400, np.random.default_rng(0), least=-1)
    assert (drawn.gains >= 0).all()
    assert sorted(drawn.positions) == list(range(60))


def test_what_is_drawn_is_as_good_as_what_is_exact() -> None:
    log_probabilities = np.log(made_up(60, 8, 3, spread=0.5))
    exact = lazy_greedy(log_probabilities, 8, ALL, GENERATOR)
    for seed in range(5):
        drawn = lazy_greedy(log_probabilities, 8, 3_000, np.random.default_rng(seed))
        assert information(log_probabilities, drawn) == pytest.approx(
            information(log_probabilities, exact), abs=0.01
        )


def test_gains_add_up_to_the_information_of_the_batch() -> None:
    log_probabilities = np.log(made_up(300, 20, 4, spread=0.3))
    for seed in range(3):
        batch = lazy_greedy(log_probabilities, 40, 10_000, np.random.default_rng(seed))
        assert batch.gains.sum() == pytest.approx(information(log_probabilities, batch, 100_000), abs=0.01)


def test_stops_where_nothing_is_left_to_gain() -> None:
    log_probabilities = np.log(made_up(200, 4, 4, spread=2.0))
    batch = lazy_greedy(log_probabilities, 100, 1_000, np.random.default_rng(0))
    assert len(batch.positions) < 30
    assert batch.gains.min() >= SATURATED
    assert batch.gains.sum() == pytest.approx(np.log(4), abs=0.02)


@pytest.mark.usefixtures("few_at_once")
def test_equal_candidates_come_in_their_order() -> None:
    three = made_up(3, 6, 4)
    log_probabilities = np.log(np.tile(three, (40, 1, 1)))
    for samples in (200, ALL):
        positions = lazy_greedy(log_probabilities, 6, samples, np.random.default_rng(0), least=-1).positions
        for one in range(3):
            alike = positions[positions % 3 == one]
            assert alike.tolist() == [one + 3 * i for i in range(len(alike))]
