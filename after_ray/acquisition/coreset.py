"""Core-set: pick what is furthest from everything labelled, one after another."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from after_ray.acquisition._base import OPTIONS, Picked, Strategy, strategies
from after_ray.acquisition._evidence import EvidenceKind, PoolEvidence
from after_ray.acquisition._farthest import FarthestFirst
from after_ray.acquisition._vectors import Features, vectors_of


@strategies.register("coreset")
@dataclass(frozen=True, config=OPTIONS)
class Coreset(Strategy):
    """k-center greedy (Sener & Savarese 2018, Algorithm 1): the utterance furthest from its nearest centre.

    Centres are the labelled utterances and those picked before; distances are Euclidean, between what the
    classifier was trained to (`features: embeddings`) or between standardised summaries. With nothing
    labelled the first pick is the utterance nearest to the mean of the pool. The covering radius is at most
    twice the best one of as many centres.

    Scores are distances to the nearest centre at the time of picking, and that to the mean for a first pick
    without centres.
    """

    features: Features = "embeddings"

    @property
    def needs(self) -> Set[EvidenceKind]:
        """Embeddings or summaries, of pool and labelled."""
        return frozenset({EvidenceKind[self.features.upper()]})

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        points, centres = vectors_of(evidence, self.features)
        positions: NDArray[np.int64]
        positions, distances = FarthestFirst(points).pick(centres, budget)
        return Picked(positions, distances)
