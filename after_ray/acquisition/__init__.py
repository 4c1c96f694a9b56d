"""Acquisition strategies: one per file, registered by decorator, pure functions of their evidence."""

from after_ray.acquisition._base import OPTIONS, Picked, Scored, Strategy, Uncertainty, strategies, top
from after_ray.acquisition._draws import HeadDraws
from after_ray.acquisition._evidence import NOT_RECORDED, EvidenceKind, LabelledEvidence, PoolEvidence
from after_ray.acquisition._expression import Call, of_mapping, parse, write
from after_ray.acquisition._selection import evidence_of, selector_that_matters, strategy_of
from after_ray.acquisition._settings import Selector
from after_ray.acquisition._wrapper import Judged, Wrapper

__all__ = [
    "NOT_RECORDED",
    "OPTIONS",
    "Call",
    "EvidenceKind",
    "HeadDraws",
    "Judged",
    "LabelledEvidence",
    "Picked",
    "PoolEvidence",
    "Scored",
    "Selector",
    "Strategy",
    "Uncertainty",
    "Wrapper",
    "evidence_of",
    "of_mapping",
    "parse",
    "selector_that_matters",
    "strategies",
    "strategy_of",
    "top",
    "write",
]
