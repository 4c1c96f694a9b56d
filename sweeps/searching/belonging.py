"""Which results belong to a study: those of its plan, and of its search if it has one."""

from __future__ import annotations

from collections.abc import Iterator

from after_ray.stages import Stage, ancestors
from sweeps.planning.opening import OpenStudy, open_study


def keys_of(opened: OpenStudy) -> frozenset[str]:
    """Keys of every stage that a study asks for, finished or not."""
    if opened.study.search is None:
        return opened.plan.keys
    return opened.plan.keys.union(stage.key for stage in _searched(opened)) | _chosen(opened)


def _searched(opened: OpenStudy) -> Iterator[Stage]:
    """What the candidates that were drawn ask for, also those that were stopped."""
    from sweeps.searching.book import Book

    for candidate in Book.open(opened).candidates:
        if not isinstance(candidate.asks, str):
            yield candidate.asks.stage
            yield from ancestors(candidate.asks.stage)


def _chosen(opened: OpenStudy) -> frozenset[str]:
    """What the study asks for that the search wrote."""
    from sweeps.searching.results import chosen_study

    best = chosen_study(opened)
    return frozenset() if best is None else open_study(best, opened.store.url).plan.keys
