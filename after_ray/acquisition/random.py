"""Random acquisition: the baseline every other strategy is measured against."""

from __future__ import annotations

import numpy as np

from after_ray.acquisition._base import Picked, Strategy, strategies
from after_ray.acquisition._evidence import PoolEvidence


@strategies.register("random")
class Random(Strategy):
    """Uniform draw without replacement from the whole pool; needs no evidence, so the pool is never scored.

    The draw belongs to places in the order of ids: another pool gives other utterances.
    """

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        return Picked(generator.choice(evidence.size, size=budget, replace=False).astype(np.int64))
