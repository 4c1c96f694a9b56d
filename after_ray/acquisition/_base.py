"""What a strategy is: it names the evidence it needs and picks utterances from that and nothing else."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from after_ray.acquisition._evidence import EvidenceKind, PoolEvidence
from after_ray.errors import BadValue, BrokenStrategy, TooFewUtterances, UnusableScores
from after_ray.registry import Registry

OPTIONS = ConfigDict(extra="forbid", arbitrary_types_allowed=True, strict=True)
"""Of the pydantic dataclass that a strategy with options is: `@dataclass(frozen=True, config=OPTIONS)`."""


@dataclass(frozen=True)
class Picked:
    """What a strategy picked, and why.

    Attributes:
        positions: in the pool, first choice first, shape (budget,).
        scores: what each pick was picked for, shape (budget,); None where there is no such number.
        pool_scores: what the whole pool is ranked by, higher is picked first, shape (n,); None where picks
            are not those of one ranking.
        details: what else is worth recording with the round, as JSON values.
    """

    positions: NDArray[np.int64]
    scores: NDArray[np.float64] | None = None
    pool_scores: NDArray[np.float64] | None = None
    details: Mapping[str, object] = field(default_factory=dict)


class Strategy(ABC):
    """An acquisition function. Subclasses carry no state: same evidence, budget and generator, same picks."""

    @property
    def needs(self) -> Set[EvidenceKind]:
        """The evidence that it asks for; nothing else is computed."""
        return frozenset()

    @property
    def ranks_pool(self) -> bool:
        """Whether picks are the highest of scores that the whole pool has."""
        return False

    def select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        """Pick `budget` utterances of the pool, without repetition.

        The pool is put into the order of its ids before anything is drawn or compared: no strategy's picks
        depend on the order in which utterances are given.

        Raises:
            TooFewUtterances: when the pool is smaller than the budget.
            BadValue: when the budget is no number of utterances.
            BrokenStrategy: when a strategy gives something else than `Picked` says.
        """
        if not isinstance(budget, int | np.integer) or budget < 0:
            raise BadValue("budget", budget, "a number of utterances, 0 or more")
        if budget > evidence.size:
            raise TooFewUtterances("The pool is smaller than the acquisition budget", evidence.size, budget)
        order = evidence.order
        if order is None:
            return self._checked(self._select(evidence, budget, generator), evidence.size)
        picked = self._checked(self._select(evidence.take(order), budget, generator), evidence.size)
        pool_scores = picked.pool_scores
        if pool_scores is not None:
            pool_scores = pool_scores[np.argsort(order)]
        return replace(picked, positions=order[picked.positions], pool_scores=pool_scores)

    @abstractmethod
    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        """As `select`, of a pool in the order of its ids and at least as large as the budget."""

    def _checked(self, picked: Picked, size: int) -> Picked:
        """What was picked, if its parts are what they should be; the loop judges how many and which."""
        if problem := broken(picked, size):
            raise BrokenStrategy(type(self).__name__, problem)
        return picked


class Scored(Strategy):
    """Base of the strategies that give every utterance of the pool a score and pick the highest."""

    @property
    def ranks_pool(self) -> bool:
        """They are."""
        return True

    @abstractmethod
    def scores(self, evidence: PoolEvidence, generator: np.random.Generator) -> NDArray[np.float64]:
        """One score per utterance of the pool, shape (n,); higher is picked first."""

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        scores = np.asarray(self.scores(evidence, generator), dtype=np.float64)
        if scores.shape != (evidence.size,):
            problem = f"a pool of {evidence.size} has scores of shape {scores.shape}"
            raise BrokenStrategy(type(self).__name__, problem)
        unusable = int((~np.isfinite(scores)).sum())
        if unusable:
            raise UnusableScores(type(self).__name__, unusable, len(scores))
        positions = top(scores, budget)
        return Picked(positions, scores[positions], scores)


class Uncertainty(Scored):
    """Base of the strategies that rank the pool by a score of its class probabilities."""

    @property
    def needs(self) -> Set[EvidenceKind]:
        """Class probabilities."""
        return frozenset({EvidenceKind.PROBABILITIES})

    @abstractmethod
    def score(self, log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score of shape (n,) from log-probabilities of shape (n, classes); the highest is picked first."""

    def scores(self, evidence: PoolEvidence, generator: np.random.Generator) -> NDArray[np.float64]:
        """The score of every pool utterance, shape (n,); nothing is drawn."""
        log_probabilities = evidence.given(EvidenceKind.PROBABILITIES)
        return self.score(log_probabilities.astype(np.float64, copy=False))


def broken(picked: object, size: int) -> str:
    """What is wrong with the parts of a `Picked` from a pool of `size`; "" where nothing is."""
    if not isinstance(picked, Picked):
        return f"it returned a {type(picked).__name__}, not Picked(positions)"
    positions = picked.positions
    whole = isinstance(positions, np.ndarray) and np.issubdtype(positions.dtype, np.integer)
    if not whole or positions.ndim != 1:
        return f"positions are {_kind(positions)}, not a one-dimensional array of integers"
    shapes = {"scores": positions.shape, "pool_scores": (size,)}
    for name, shape in shapes.items():
        values = getattr(picked, name)
        if values is None:
            continue
        if not isinstance(values, np.ndarray) or not np.issubdtype(values.dtype, np.floating):
            return f"{name} are {_kind(values)}, not an array of floats"
        if values.shape != shape:
            return f"{name} have shape {values.shape}, not {shape}"
        if not np.isfinite(values).all():
            return f"{name} are not finite"
    try:
        json.dumps(dict(picked.details), allow_nan=False)
    except (TypeError, ValueError) as error:
        return f"details are not JSON values ({error})"
    return ""


def _kind(value: object) -> str:
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


def top(scores: NDArray[np.float64], budget: int) -> NDArray[np.int64]:
    """Positions of the `budget` highest of n scores, highest first; ties go to the lower position.

    Equal to the first `budget` entries of a stable sort of the whole pool, but only what is picked is sorted:
    O(n + budget log budget).
    """
    if not 0 < budget < len(scores):
        return np.argsort(-scores, kind="stable")[:budget].astype(np.int64)
    lowest_picked = np.partition(scores, len(scores) - budget)[len(scores) - budget]
    above = np.flatnonzero(scores > lowest_picked)
    tied = np.flatnonzero(scores == lowest_picked)[: budget - len(above)]
    ranked = above[np.argsort(-scores[above], kind="stable")]
    return np.concatenate([ranked, tied]).astype(np.int64)


strategies: Registry[Strategy] = Registry("strategy", "after_ray.acquisition", Strategy)
