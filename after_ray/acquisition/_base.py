"""What a strategy is: it names the evidence it needs and picks utterances from that and nothing else."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from after_ray.errors import TooFewUtterances, UnusableScores
from after_ray.registry import Registry


class EvidenceKind(enum.StrEnum):
    """What a strategy may ask about the pool; one pass computes just what is asked."""

    PROBABILITIES = "probabilities"
    EMBEDDINGS = "embeddings"


@dataclass(frozen=True)
class PoolEvidence:
    """Evidence about the n utterances of the pool, in the pool's order (by utterance id).

    `log_probabilities`: (n, classes) float64 natural logarithms. `embeddings`: (n, d) float32, the
    classifier's input vector or pooled representation. What the strategy did not ask for is None.
    """

    size: int
    log_probabilities: NDArray[np.float64] | None = None
    embeddings: NDArray[np.float32] | None = None


class Strategy(ABC):
    """An acquisition function. Subclasses carry no state: same evidence, budget and generator, same picks."""

    needs: Set[EvidenceKind] = frozenset()

    def select(
        self, evidence: PoolEvidence, budget: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """Positions of `budget` pool utterances, first choice first, without repetition.

        Raises:
            TooFewUtterances: when the pool is smaller than the budget.
        """
        if budget > evidence.size:
            raise TooFewUtterances("The pool is smaller than the acquisition budget", evidence.size, budget)
        return self._select(evidence, budget, generator)

    @abstractmethod
    def _select(
        self, evidence: PoolEvidence, budget: int, generator: np.random.Generator
    ) -> NDArray[np.int64]: ...

    def scores(self, evidence: PoolEvidence) -> NDArray[np.float64] | None:
        """One score per pool utterance, higher is picked first; None where a strategy has no such scores."""
        return None


class Uncertainty(Strategy):
    """Base of the strategies that rank the pool by a score of its class probabilities."""

    needs = frozenset({EvidenceKind.PROBABILITIES})

    @abstractmethod
    def score(self, log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score of shape (n,) from log-probabilities of shape (n, classes); the highest is picked first."""

    def scores(self, evidence: PoolEvidence) -> NDArray[np.float64]:
        """The score of every pool utterance, shape (n,).

        Raises:
            UnusableScores: when a score is not a number, as after a training that diverged.
        """
        if evidence.log_probabilities is None:
            raise ValueError(f"{type(self).__name__} needs class probabilities")
        scores = self.score(evidence.log_probabilities.astype(np.float64, copy=False))
        unusable = int(np.isnan(scores).sum())
        if unusable:
            raise UnusableScores(type(self).__name__, unusable, len(scores))
        return scores

    def _select(
        self, evidence: PoolEvidence, budget: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        return top(self.scores(evidence), budget)


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
