"""From what a study names to the strategy that picks."""

from __future__ import annotations

from functools import lru_cache

from after_ray.acquisition._base import Strategy
from after_ray.acquisition._evidence import EvidenceKind
from after_ray.acquisition._expression import build, parse
from after_ray.acquisition._settings import Selector
from after_ray.acquisition.official_argpartition import OfficialArgpartition


def strategy_of(expression: str, selector: Selector = "exact") -> Strategy:
    """The strategy that an expression names, picking by `selector`; `exact` is the strategy as it is.

    Raises:
        UnknownName: when there is no such strategy.
        BadStrategy: when the expression cannot be read, or an option is not one of the strategy's.
    """
    strategy = build(parse(expression))
    return strategy if selector == "exact" else OfficialArgpartition(strategy)


def selector_that_matters(expression: str, selector: Selector) -> Selector:
    """`selector`, or `exact` for a strategy without scores of the pool: it picks alike with every one."""
    return selector if strategy_of(expression).ranks_pool else "exact"


@lru_cache(maxsize=256)
def evidence_of(expression: str) -> frozenset[EvidenceKind]:
    """What the strategy that an expression names asks for; plans ask for thousands of rounds.

    Raises:
        UnknownName, BadStrategy: as `strategy_of`.
    """
    return frozenset(strategy_of(expression).needs)
