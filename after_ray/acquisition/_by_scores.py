"""Strategies that go by the scores of another one and pick otherwise than by the highest."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition._base import PoolEvidence, Strategy


class ByScores(Strategy):
    """Base of the wrappers: the scores are the inner strategy's, the picks those of `pick`.

    A strategy without scores picks for itself.
    """

    def __init__(self, inner: Strategy) -> None:
        self.inner = inner
        self.needs = inner.needs

    @abstractmethod
    def pick(
        self, scores: NDArray[np.float64], budget: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """Positions of `budget` of the n scores, 0 <= budget <= n, without repetition."""

    def scores(self, evidence: PoolEvidence) -> NDArray[np.float64] | None:
        """The scores of the inner strategy, shape (n,)."""
        return self.inner.scores(evidence)

    def _select(
        self, evidence: PoolEvidence, budget: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        scores = self.scores(evidence)
        if scores is None:
            return self.inner.select(evidence, budget, generator)
        return self.pick(scores, budget, generator)
