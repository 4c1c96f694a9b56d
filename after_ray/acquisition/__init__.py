"""Acquisition strategies: one per file, registered by decorator, pure functions of their evidence."""

from after_ray.acquisition._base import EvidenceKind, PoolEvidence, Strategy, Uncertainty, strategies, top

__all__ = ["EvidenceKind", "PoolEvidence", "Strategy", "Uncertainty", "strategies", "top"]
