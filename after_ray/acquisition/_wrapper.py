"""Strategies that go by another one's judgement and pick otherwise than by the highest score."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Set

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from after_ray.acquisition._base import OPTIONS, Picked, Strategy
from after_ray.acquisition._evidence import EvidenceKind, PoolEvidence

LONGEST_RANKING = 3  # times the budget: how far a strategy without scores is asked to rank the pool


@dataclass(frozen=True, config=OPTIONS)
class Wrapper(Strategy):
    """Base of the wrappers: `over` judges, `pick` picks.

    Picks are not the highest of the scores within, so that a wrapper has no scores of the whole pool, unless
    it makes new ones. A strategy without such scores is asked for the first `LONGEST_RANKING` times the
    budget of its picks, and its ranking stands for scores: the first has rank 1.
    """

    over: Strategy

    @property
    def needs(self) -> Set[EvidenceKind]:
        """What the strategy within needs."""
        return self.over.needs

    @abstractmethod
    def pick(
        self, judged: Judged, evidence: PoolEvidence, budget: int, generator: np.random.Generator
    ) -> Picked:
        """Which `budget` of the judged utterances are picked; `judged.at` says it of places in `judged`."""

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        return self.pick(judge(self.over, evidence, budget, generator), evidence, budget, generator)


@dataclass(frozen=True, config=OPTIONS)
class Judged:
    """What a strategy thinks of m utterances of the pool.

    Attributes:
        positions: in the pool, shape (m,); all of it in its order where there are scores, else a ranking.
        scores: of these utterances, shape (m,); None where there is a ranking only.
        picked: what the strategy said.
    """

    positions: NDArray[np.int64]
    scores: NDArray[np.float64] | None
    picked: Picked

    def at(self, places: NDArray[np.int64]) -> Picked:
        """The judged utterances at `places`, first choice first, with the scores they were judged by."""
        scores = None if self.scores is None else self.scores[places]
        return Picked(self.positions[places], scores, details=self.details_within)

    @property
    def details_within(self) -> dict[str, object]:
        """What the strategy within recorded of its own picks, which are not those of a wrapper."""
        return {"over": dict(self.picked.details)} if self.picked.details else {}

    @property
    def ranks(self) -> NDArray[np.int64]:
        """Rank of each utterance, 1 the best, shape (m,); ties go to the lower position."""
        if self.scores is None:
            return np.arange(1, len(self.positions) + 1)
        ranks = np.empty(len(self.scores), dtype=np.int64)
        ranks[np.argsort(-self.scores, kind="stable")] = np.arange(1, len(self.scores) + 1)
        return ranks


def judge(strategy: Strategy, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Judged:
    """What `strategy` thinks of the pool, as far as `budget` picks need it."""
    wanted = budget if strategy.ranks_pool else min(evidence.size, LONGEST_RANKING * budget)
    picked = strategy.select(evidence, wanted, generator)
    if picked.pool_scores is None:
        return Judged(picked.positions, None, picked)
    return Judged(np.arange(evidence.size), picked.pool_scores, picked)
