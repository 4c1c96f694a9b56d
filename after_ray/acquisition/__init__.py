"""Acquisition strategies: one per file, registered by decorator, pure functions of their evidence."""

from after_ray.acquisition._base import EvidenceKind, PoolEvidence, Strategy, Uncertainty, strategies, top
from after_ray.acquisition._by_scores import ByScores
from after_ray.acquisition._selection import selector_that_matters, strategy_of
from after_ray.acquisition._settings import Selector

__all__ = [
    "ByScores",
    "EvidenceKind",
    "PoolEvidence",
    "Selector",
    "Strategy",
    "Uncertainty",
    "selector_that_matters",
    "strategies",
    "strategy_of",
    "top",
]
