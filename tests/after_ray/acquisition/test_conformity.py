"""Every strategy of the package keeps every promise of the kit, and the kit notices broken promises."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from after_ray.acquisition import (
    EvidenceKind,
    Picked,
    PoolEvidence,
    Strategy,
    Uncertainty,
    strategy_of,
)
from after_ray.testing import STRATEGY_PROMISES, Promise, check_strategy
from after_ray.testing import _strategies as testing
from tests.after_ray.expressions import EXPRESSIONS

# What the published code picks of ties is as arbitrary as all that it picks.
NOT_KEPT = {("official_argpartition", "gives_ties_to_the_lower_id")}


@pytest.mark.parametrize("promise", STRATEGY_PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_keeps(expression: str, promise: Promise) -> None:
    if (expression.partition("(")[0], promise.__name__) in NOT_KEPT:
        with pytest.raises(AssertionError):
            promise(strategy_of("official_argpartition(entropy)"))
        return
    promise(strategy_of(expression))


@pytest.mark.parametrize("name", ["random", "entropy", "power(entropy)"])
def test_the_kit_as_a_whole_passes(name: str) -> None:
    check_strategy(strategy_of(name))


def test_every_public_check_of_the_kit_is_among_the_promises() -> None:
    helpers = {"check_strategy", "random_evidence"}
    defined = {
        name
        for name, value in vars(testing).items()
        if getattr(value, "__module__", "") == testing.__name__ and not name.startswith("_")
    }
    assert {promise.__name__ for promise in STRATEGY_PROMISES} == defined - helpers


class Certain(Uncertainty):
    """A correct strategy to break: the probability of class 0."""

    def score(self, log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.exp(log_probabilities[:, 0])


class OneTooMany(Certain):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        return Picked(np.argsort(-self.scores(evidence, generator), kind="stable")[: budget + 1])


class Repeating(Strategy):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        return Picked(generator.integers(evidence.size, size=budget))


class Forgetful(Strategy):
    calls = 0

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        self.calls += 1
        return Picked(np.roll(generator.permutation(evidence.size), self.calls)[:budget])


class GlobalNumpy(Strategy):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        return Picked(np.random.permutation(evidence.size)[:budget])  # noqa: NPY002 - what the kit shall notice


class GlobalTorch(Strategy):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        return Picked(torch.randperm(evidence.size).numpy()[:budget])


class GlobalPython(Strategy):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        return Picked(np.array(random.sample(range(evidence.size), budget), dtype=np.int64))


class Writing(Strategy):
    needs = frozenset({EvidenceKind.EMBEDDINGS})  # type: ignore[assignment]

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        assert evidence.embeddings is not None
        evidence.embeddings[0] = 0
        return Picked(np.arange(budget))


class ByPosition(Strategy):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        raise NotImplementedError("it does not care for ids")

    def select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        return Picked(np.arange(budget))


class RightSetInPoolOrder(Certain):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        picked = super()._select(evidence, budget, generator)
        return replace(picked, positions=np.sort(picked.positions))


class LastOfTies(Certain):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        return Picked(np.argsort(self.scores(evidence, generator), kind="stable")[::-1][:budget])


class Unrefusing(Certain):
    def select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        return self._select(evidence, budget, generator)


class NaiveEntropy(Uncertainty):
    """Takes 0 times infinity."""

    def score(self, log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        return -(np.exp(log_probabilities) * log_probabilities).sum(axis=1)


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (OneTooMany, testing.picks_exactly_the_budget),
        (Repeating, testing.picks_nothing_twice),
        (Forgetful, testing.repeats_itself),
        (GlobalNumpy, testing.touches_no_global_random_state),
        (GlobalTorch, testing.touches_no_global_random_state),
        (GlobalPython, testing.touches_no_global_random_state),
        (Writing, testing.leaves_the_evidence_alone),
        (ByPosition, testing.ignores_the_order_of_the_pool),
        (RightSetInPoolOrder, testing.picks_the_highest_scores),
        (LastOfTies, testing.gives_ties_to_the_lower_id),
        (Unrefusing, testing.refuses_too_small_a_pool),
        (NaiveEntropy, testing.bears_probabilities_of_zero_and_one),
    ],
)
def test_the_kit_notices(broken: type[Strategy], promise: Promise) -> None:
    with pytest.raises(AssertionError):
        promise(broken())


def test_a_correct_strategy_of_ones_own_passes() -> None:
    check_strategy(Certain())
