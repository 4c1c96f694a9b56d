"""What an initialization is: it picks the first utterances to label, without any label."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from after_ray.errors import TooFewUtterances
from after_ray.registry import Registry
from after_ray.seeds import SeedTree


@dataclass(frozen=True)
class Chosen:
    """Positions in the pool, first choice first, and what is worth recording (clusters, inertias)."""

    positions: NDArray[np.int64]
    details: Mapping[str, object] = field(default_factory=dict)


class Initialization(ABC):
    """Chooses round 0 from pool features of shape (n, d); built from its settings."""

    needs_features: bool = False

    def choose(self, size: int, features: NDArray[np.float64] | None, pool: int, seeds: SeedTree) -> Chosen:
        """Choose `size` of the `pool` utterances.

        Raises:
            TooFewUtterances: when the pool is smaller than `size`.
        """
        if size > pool:
            raise TooFewUtterances("The train part is smaller than round 0", pool, size)
        return self._choose(size, features, pool, seeds)

    @abstractmethod
    def _choose(
        self, size: int, features: NDArray[np.float64] | None, pool: int, seeds: SeedTree
    ) -> Chosen: ...


initializations: Registry[Initialization] = Registry(
    "initialization", "after_ray.initialization", Initialization
)
