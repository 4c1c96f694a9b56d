"""BALD: pick what draws of the classifier disagree about, each utterance for itself."""

from __future__ import annotations

from collections.abc import Set
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from after_ray.acquisition._base import OPTIONS, Scored, strategies
from after_ray.acquisition._draws import HeadDraws
from after_ray.acquisition._evidence import EvidenceKind, PoolEvidence
from after_ray.acquisition._joint_entropy import information

ROWS_AT_ONCE = 4_096


@strategies.register("bald")
@dataclass(frozen=True, config=OPTIONS)
class Bald(Scored):
    """Highest mutual information of label and network first (Houlsby et al. 2011; Gal et al. 2017).

    BALD(x) = H(mean_j p_j) - mean_j H(p_j) over `draws` of dropout, in nats: 0 where all draws agree, however
    unsure each is, and at most log C. Several picks may say the same: see `batchbald`.
    """

    draws: Annotated[int, Field(ge=2, le=10_000)] = 20

    @property
    def needs(self) -> Set[EvidenceKind]:
        """Draws of dropout in the head."""
        return frozenset({EvidenceKind.DROPOUT_DRAWS})

    def scores(self, evidence: PoolEvidence, generator: np.random.Generator) -> NDArray[np.float64]:
        """BALD of every pool utterance, shape (n,), nats."""
        draws: HeadDraws = evidence.given(EvidenceKind.DROPOUT_DRAWS)
        return bald_scores(draws, draws.masks(self.draws, generator))


def bald_scores(draws: HeadDraws, masks: NDArray[np.float64]) -> NDArray[np.float64]:
    """BALD under `masks` of shape (draws, d), shape (n,), nats; a stretch of the pool at a time."""
    size = len(draws.embeddings)
    stretches = (np.arange(start, min(start + ROWS_AT_ONCE, size)) for start in range(0, size, ROWS_AT_ONCE))
    found = [information(draws.take(rows).log_probabilities(masks)) for rows in stretches]
    return np.concatenate(found) if found else np.empty(0)
