"""Strategies that ask for what is known of utterances without labels, and keep what they were given."""

from __future__ import annotations

from collections.abc import Set
from typing import ClassVar

import numpy as np

from after_ray.acquisition import EvidenceKind, Picked, PoolEvidence, Strategy


class Summaries(Strategy):
    """Picks the utterances with the largest first component of their summary."""

    given: ClassVar[list[PoolEvidence]] = []

    @property
    def needs(self) -> Set[EvidenceKind]:
        """Summaries."""
        return frozenset({EvidenceKind.SUMMARIES})

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        self.given.append(evidence)
        first = evidence.given(EvidenceKind.SUMMARIES)[:, 0]
        return Picked(np.argsort(-first, kind="stable")[:budget])


SUMMARIES = f"{__name__}:Summaries"
