"""Random acquisition: the baseline every other strategy is measured against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition._base import PoolEvidence, Strategy, strategies


@strategies.register("random")
class Random(Strategy):
    """Uniform draw without replacement from the whole pool; needs no evidence, so the pool is never scored.

    The draw belongs to pool positions: another order of the same pool gives other utterances.
    """

    def _select(
        self, evidence: PoolEvidence, budget: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        return generator.choice(evidence.size, size=budget, replace=False).astype(np.int64)
