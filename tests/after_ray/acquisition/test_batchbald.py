from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.acquisition import HeadDraws, Picked, PoolEvidence, strategy_of
from after_ray.acquisition._lazy_greedy import SATURATED
from after_ray.acquisition.bald import Bald, bald_scores
from after_ray.acquisition.batchbald import BatchBald
from after_ray.errors import BadStrategy, UnusableScores
from tests.after_ray.acquisition.draw_tables import (
    FOUR_CLASSES,
    A,
    B,
    D,
    U,
    evidence_of,
    made_up,
    two_classes,
)


def pick(probabilities: NDArray[np.float64], budget: int, **options: Any) -> Picked:
    strategy = BatchBald(draws=probabilities.shape[1], **options)
    return strategy.select(evidence_of(probabilities), budget, np.random.default_rng(0))


def head(size: int = 400, share: float = 0.3, seed: int = 0) -> PoolEvidence:
    """A pool whose masks are really drawn."""
    generator = np.random.default_rng(seed)
    embeddings, weight = generator.normal(size=(size, 16)), generator.normal(size=(4, 16))
    return PoolEvidence(size, draws=HeadDraws(embeddings, weight, np.zeros(4), share))  # type: ignore[arg-type]


def test_the_worked_example_of_two_classes() -> None:
    picked = pick(two_classes(A, A, B, U, D), 3)
    assert picked.positions.tolist() == [0, 2, 1]
    np.testing.assert_allclose(picked.scores, [0.368064, 0.192745, 0.146311], atol=1e-6)
    assert picked.details == {"mutual_information": [0.368064, 0.560809, 0.707119], "saturated_at": []}


def test_the_worked_example_of_four_classes() -> None:
    picked = pick(FOUR_CLASSES, 3)
    assert picked.positions.tolist() == [0, 3, 2]  # a copy may beat a weak new utterance
    assert picked.details["mutual_information"] == [0.373386, 0.598754, 0.675306]


def test_the_first_pick_is_that_of_bald() -> None:
    evidence = head()
    picked = BatchBald(candidates=None).select(evidence, 5, np.random.default_rng(3))
    bald = Bald().select(evidence, 1, np.random.default_rng(3))
    assert picked.positions[0] == bald.positions[0]
    assert picked.scores is not None
    assert bald.scores is not None
    assert picked.scores[0] == pytest.approx(bald.scores[0], abs=1e-12)


def test_where_nothing_is_left_to_gain_bald_fills_up() -> None:
    probabilities = made_up(50, draws=3, classes=4, spread=2.0)
    picked = pick(probabilities, 30, sub_batch=30)
    scores = Bald(draws=3).scores(evidence_of(probabilities), np.random.default_rng(0))
    (saturated,) = picked.details["saturated_at"]
    trace = picked.details["mutual_information"]
    assert trace[saturated - 1] <= np.log(3) + 0.01
    assert trace[saturated:] == [None] * (30 - saturated)
    assert picked.scores is not None
    assert picked.scores[:saturated].min() >= SATURATED
    rest = np.setdiff1d(np.arange(50), picked.positions[:saturated])
    expected = rest[np.argsort(-scores[rest], kind="stable")][: 30 - saturated]
    assert picked.positions[saturated:].tolist() == expected.tolist()
    np.testing.assert_allclose(picked.scores[saturated:], scores[expected])


def test_draws_that_agree_leave_everything_to_bald_and_ties_to_the_lower_position() -> None:
    picked = pick(np.repeat(made_up(9, draws=1, classes=4), 3, axis=1), 5, sub_batch=2)
    assert picked.positions.tolist() == [0, 1, 2, 3, 4]
    assert picked.details == {"mutual_information": [None] * 5, "saturated_at": [0, 2, 4]}


class Counted(HeadDraws):
    """Remembers the masks that were asked for."""

    asked: list[NDArray[np.float64]]

    def masks(self, draws: int, generator: np.random.Generator) -> NDArray[np.float64]:
        self.asked.append(super().masks(draws, generator))
        return self.asked[-1]


def test_every_part_has_masks_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = head()
    assert evidence.draws is not None
    monkeypatch.setattr(Counted, "asked", [], raising=False)
    counted = PoolEvidence(400, draws=Counted(**vars(evidence.draws)))
    picked = BatchBald(sub_batch=4).select(counted, 10, np.random.default_rng(0))
    assert len(Counted.asked) == 3
    assert not np.array_equal(Counted.asked[0], Counted.asked[1])
    trace = picked.details["mutual_information"]
    starts = [trace[0], trace[4], trace[8]]
    assert starts == [pytest.approx(picked.scores[place], abs=1e-6) for place in (0, 4, 8)]  # type: ignore[index]


@pytest.mark.parametrize(("candidates", "budget", "expected"), [(30, 12, 30), (2_000, 3, 30)])
def test_a_part_looks_at_the_best_by_bald(candidates: int, budget: int, expected: int) -> None:
    evidence = head()
    assert evidence.draws is not None
    generator = np.random.default_rng(5)
    picked = BatchBald(candidates=candidates, sub_batch=budget).select(evidence, budget, generator)
    masks = evidence.draws.masks(20, np.random.default_rng(5))
    best = np.argsort(-bald_scores(evidence.draws, masks), kind="stable")[:expected]
    assert np.isin(picked.positions, best).all()
    within = BatchBald(candidates=None, sub_batch=budget).select(
        evidence.take(np.sort(best)), budget, np.random.default_rng(5)
    )
    assert np.sort(best)[within.positions].tolist() == picked.positions.tolist()


def test_more_picks_than_candidates() -> None:
    picked = BatchBald(candidates=5, sub_batch=8).select(head(60), 60, np.random.default_rng(0))
    assert sorted(picked.positions) == list(range(60))


def test_draws_by_the_head_are_permutation_invariant() -> None:
    probabilities = made_up(30, draws=6, classes=3)
    order = np.random.default_rng(2).permutation(6)
    assert pick(probabilities, 5).positions.tolist() == pick(probabilities[:, order], 5).positions.tolist()


def test_options_are_checked() -> None:
    assert strategy_of("batchbald(draws=50, candidates=null)") == BatchBald(draws=50, candidates=None)
    for wrong in ("draws=0", "sub_batch=0", "samples=0", "candidates=0", "sample=3"):
        with pytest.raises(BadStrategy, match=wrong.split("=")[0]):
            strategy_of(f"batchbald({wrong})")


def test_refuses_what_is_not_a_number() -> None:
    evidence = head(5)
    assert evidence.draws is not None
    evidence.draws.embeddings[2] = np.nan
    with pytest.raises(UnusableScores, match="1 of 5"):
        BatchBald().select(evidence, 2, np.random.default_rng(0))
