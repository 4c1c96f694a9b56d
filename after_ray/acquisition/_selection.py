"""From the names in a study to the strategy that picks."""

from __future__ import annotations

from after_ray.acquisition._base import Strategy, strategies
from after_ray.acquisition._by_scores import ByScores
from after_ray.acquisition._official_selection import OfficialArgpartition
from after_ray.acquisition._settings import Selector

_WRAPPERS: dict[Selector, type[ByScores]] = {"official_argpartition": OfficialArgpartition}


def strategy_of(name: str, selector: Selector = "exact") -> Strategy:
    """The strategy `name`, picking by `selector`; `exact` is the strategy as it is.

    Raises:
        UnknownName: when there is no such strategy.
    """
    strategy = strategies.resolve(name)()
    return strategy if selector == "exact" else _WRAPPERS[selector](strategy)


def selector_that_matters(name: str, selector: Selector) -> Selector:
    """`selector`, or `exact` for a strategy without scores: it picks alike with every one."""
    has_scores = strategies.resolve(name).scores is not Strategy.scores
    return selector if has_scores else "exact"
