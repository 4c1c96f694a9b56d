"""Power: draw a batch by powers of scores, so that it is not a heap of near copies."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from after_ray.acquisition._base import OPTIONS, Picked, strategies, top
from after_ray.acquisition._evidence import PoolEvidence
from after_ray.acquisition._wrapper import Judged, Wrapper

LAST = 1e3  # more than Gumbel noise ever bridges


@strategies.register("power")
@dataclass(frozen=True, config=OPTIONS)
class Power(Wrapper):
    """Utterances drawn without replacement, with probabilities proportional to score ** exponent.

    Kirsch et al., "Stochastic Batch Acquisition" (TMLR 2023), section 3: the `budget` highest of
    exponent * log(score) + Gumbel noise. Where scores are negative (the margin), or the strategy ranks
    without scores, it is their `softrank`: rank ** -exponent, 1 being the best. A score of 0 is drawn after
    all others.

    Scores, of picks and of the pool, are the perturbed ones.
    """

    exponent: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0

    @property
    def ranks_pool(self) -> bool:
        """Perturbed scores do, where the strategy within has scores."""
        return self.over.ranks_pool

    def pick(
        self, judged: Judged, evidence: PoolEvidence, budget: int, generator: np.random.Generator
    ) -> Picked:
        """Those of the `budget` highest perturbed scores."""
        noise = generator.gumbel(size=len(judged.positions))
        perturbed = self.exponent * self._logarithms(judged) + noise
        picked = replace(judged, scores=perturbed).at(top(perturbed, budget))
        return replace(picked, pool_scores=perturbed) if self.ranks_pool else picked

    def _logarithms(self, judged: Judged) -> NDArray[np.float64]:
        scores = judged.scores
        if scores is None or (len(scores) and scores.min() < 0):
            return -np.log(judged.ranks)
        positive = scores > 0
        logarithms = np.log(scores, where=positive, out=np.full(len(scores), -np.inf))
        # Utterances of score 0 among themselves: last, but still drawn and not taken in their order.
        lowest = logarithms[positive].min() if positive.any() else 0.0
        return np.where(positive, logarithms, lowest - LAST / self.exponent)
