"""Vectors of pool and labelled that strategies measure distances between."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition._evidence import EvidenceKind, PoolEvidence
from after_ray.clusters import standardise
from after_ray.errors import UnusableScores

Features = Literal["embeddings", "summaries"]


def vectors_of(evidence: PoolEvidence, features: Features) -> tuple[NDArray[Any], NDArray[Any]]:
    """Vectors of the n of the pool and of the m labelled, shapes (n, d) and (m, d).

    Embeddings are taken as the classifier has them. Summaries are standardised column by column over both
    together, as the clustering initialization does: their scales say nothing.

    Raises:
        UnusableScores: when vectors of the pool are not finite.
    """
    kind = EvidenceKind[features.upper()]
    pool, labelled = evidence.given(kind), evidence.labelled.vectors(kind)
    check_finite(features, pool)
    if features == "embeddings":
        return pool, labelled
    together = standardise(np.concatenate([pool, labelled]))
    return together[: len(pool)], together[len(pool) :]


def unit_vectors(evidence: PoolEvidence, features: Features) -> NDArray[np.float64]:
    """Those of pool and labelled, in this order, each scaled to length 1, shape (n + m, d); 0 stays 0."""
    together = np.concatenate(vectors_of(evidence, features)).astype(np.float64, copy=False)
    lengths = np.linalg.norm(together, axis=1, keepdims=True)
    return together / np.where(lengths > 0, lengths, 1.0)


def check_finite(features: str, vectors: NDArray[Any]) -> None:
    """Raise when vectors of shape (n, d) are not finite.

    Raises:
        UnusableScores: with their number.
    """
    unusable = int((~np.isfinite(vectors.sum(axis=1, dtype=np.float64))).sum())
    if unusable:
        raise UnusableScores(f"A strategy that goes by {features}", unusable, len(vectors))
