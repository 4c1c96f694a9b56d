from __future__ import annotations

import numpy as np
import pytest

from after_ray.acquisition import HeadDraws, PoolEvidence, strategy_of
from after_ray.acquisition import bald as module
from after_ray.acquisition._joint_entropy import information
from after_ray.acquisition.bald import Bald
from after_ray.errors import BadStrategy, UnusableScores
from tests.after_ray.acquisition.draw_tables import FOUR_CLASSES, A, B, D, U, evidence_of, two_classes

GENERATOR = np.random.default_rng(0)


def test_the_worked_example_of_two_classes() -> None:
    picked = Bald(draws=4).select(evidence_of(two_classes(A, A, B, U, D)), 2, GENERATOR)
    assert picked.positions.tolist() == [0, 1]  # the second says what the first has said
    assert picked.pool_scores is not None
    np.testing.assert_allclose(picked.pool_scores, [0.368064, 0.368064, 0.192745, 0, 0], atol=5e-7)


def test_the_worked_example_of_four_classes() -> None:
    scores = Bald(draws=3).scores(evidence_of(FOUR_CLASSES), GENERATOR)
    np.testing.assert_allclose(scores, [0.373386, 0, 0.178088, 0.373386], atol=5e-7)


def test_one_draw_disagrees_with_nobody() -> None:
    assert not information(np.log(FOUR_CLASSES[:, :1])).any()


def test_a_large_pool_is_scored_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = evidence_of(np.tile(FOUR_CLASSES, (3, 1, 1)))
    whole = Bald(draws=3).scores(evidence, GENERATOR)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 5)
    np.testing.assert_allclose(Bald(draws=3).scores(evidence, GENERATOR), whole, atol=1e-15)


def test_takes_its_draws_as_an_option() -> None:
    assert strategy_of("bald(draws=50)") == Bald(draws=50)
    assert strategy_of("bald") == Bald(draws=20)
    with pytest.raises(BadStrategy, match="draws"):
        strategy_of("bald(draws=0)")


def test_refuses_what_is_not_a_number() -> None:
    broken = HeadDraws(
        np.full((3, 2), np.nan, np.float32), np.ones((2, 2), np.float32), np.zeros(2, np.float32), 0.5
    )
    with pytest.raises(UnusableScores, match="3 of 3"):
        Bald().select(PoolEvidence(3, draws=broken), 1, GENERATOR)
