"""Every strategy of the package keeps every promise of the kit, and the kit notices broken promises."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from after_ray import testing
from after_ray.acquisition import EvidenceKind, PoolEvidence, Strategy, Uncertainty, strategies
from after_ray.testing import STRATEGY_PROMISES, Promise, check_strategy

Positions = NDArray[np.int64]


@pytest.mark.parametrize("promise", STRATEGY_PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("name", strategies.names())  # a new file in acquisition/ is tested by being there
def test_keeps(name: str, promise: Promise) -> None:
    promise(strategies.resolve(name)())


@pytest.mark.parametrize("name", strategies.names())
def test_the_kit_as_a_whole_passes(name: str) -> None:
    check_strategy(strategies.resolve(name)())


def test_every_public_check_of_the_kit_is_among_the_promises() -> None:
    helpers = {"check_strategy", "random_evidence"}
    defined = {
        name
        for name, value in vars(testing).items()
        if getattr(value, "__module__", "") == testing.__name__ and not name.startswith("_")
    }
    assert {promise.__name__ for promise in STRATEGY_PROMISES} == defined - helpers


class Scored(Uncertainty):
    """A correct strategy to break: the probability of class 0."""

    def score(self, log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.exp(log_probabilities[:, 0])


class OneTooMany(Scored):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Positions:
        return np.argsort(-self.scores(evidence), kind="stable")[: budget + 1]


class Repeating(Strategy):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Positions:
        return generator.integers(evidence.size, size=budget)


class Forgetful(Strategy):
    calls = 0

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Positions:
        self.calls += 1
        return np.roll(generator.permutation(evidence.size), self.calls)[:budget]


class GlobalNumpy(Strategy):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Positions:
        return np.random.permutation(evidence.size)[:budget]  # noqa: NPY002 - what the kit shall notice


class GlobalTorch(Strategy):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Positions:
        return torch.randperm(evidence.size).numpy()[:budget]


class GlobalPython(Strategy):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Positions:
        return np.array(random.sample(range(evidence.size), budget), dtype=np.int64)


class Writing(Strategy):
    needs = frozenset({EvidenceKind.EMBEDDINGS})

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Positions:
        assert evidence.embeddings is not None
        evidence.embeddings[0] = 0
        return np.arange(budget)


class ByPosition(Scored):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Positions:
        return np.arange(budget)


class RightSetInPoolOrder(Scored):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Positions:
        return np.sort(super()._select(evidence, budget, generator))


class LastOfTies(Scored):
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Positions:
        return np.argsort(self.scores(evidence), kind="stable")[::-1][:budget]


class Unrefusing(Scored):
    def select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Positions:
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
        (LastOfTies, testing.gives_ties_to_the_lower_position),
        (Unrefusing, testing.refuses_too_small_a_pool),
        (NaiveEntropy, testing.bears_probabilities_of_zero_and_one),
    ],
)
def test_the_kit_notices(broken: type[Strategy], promise: Promise) -> None:
    with pytest.raises(AssertionError):
        promise(broken())


def test_a_correct_strategy_of_ones_own_passes() -> None:
    check_strategy(Scored())
