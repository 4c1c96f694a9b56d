"""Strategies of the paper that do not exist here yet, for counting what they would ask for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition import EvidenceKind, PoolEvidence, Strategy


class _NeverRun(Strategy):
    def _select(
        self, evidence: PoolEvidence, budget: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        raise NotImplementedError("only planned")


class Alps(_NeverRun):
    needs = frozenset({EvidenceKind.EMBEDDINGS})


class Clustering(_NeverRun):
    needs = frozenset({EvidenceKind.EMBEDDINGS})
