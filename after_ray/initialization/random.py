"""Random initialization: round 0 drawn uniformly from the pool."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from after_ray.initialization._base import Chosen, Initialization, initializations
from after_ray.initialization._settings import RandomSettings
from after_ray.seeds import SeedTree


@initializations.register("random")
class RandomInitialization(Initialization):
    """Uniform draw without replacement; looks at no features."""

    def __init__(self, settings: RandomSettings) -> None:
        self.settings = settings

    def _choose(self, size: int, features: NDArray[np.float64] | None, pool: int, seeds: SeedTree) -> Chosen:
        return Chosen(seeds.generator().choice(pool, size=size, replace=False).astype(np.int64))
