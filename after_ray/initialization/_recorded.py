"""Round 0 of a replay: the first utterances of a recording, in its order; no initialization is run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from after_ray.initialization._base import Chosen, Initialization
from after_ray.seeds import SeedTree


class Recorded(Initialization):
    """Takes what another trajectory acquired first.

    Args:
        places: of each utterance of the pool in the recorded order, shape (n,), as `PoolEvidence.recorded`.
    """

    def __init__(self, places: NDArray[np.int64]) -> None:
        self._places = places

    def _choose(self, size: int, features: NDArray[np.float64] | None, pool: int, seeds: SeedTree) -> Chosen:
        return Chosen(np.argsort(self._places, kind="stable")[:size].astype(np.int64))
