"""What a result costs as if it were run alone: the seconds of its whole chain of stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

FREE = frozenset({"audio", "folds", "selections"})  # made once per corpus, charged to nobody


class Spent(Protocol):
    """What is asked of a record: its kind, the stages it was computed from, its seconds by phase."""

    @property
    def kind(self) -> str:
        """Kind of the stage."""

    @property
    def parents(self) -> tuple[str, ...]:
        """Keys of the stages it was computed from."""

    @property
    def seconds(self) -> Mapping[str, float]:
        """Wall-clock by phase, and `total`."""


class Charges:
    """Seconds of a record and all its ancestors, each counted once; `find` is asked once per key."""

    def __init__(self, find: Callable[[str], Spent | None]) -> None:
        self._find = find
        self._seconds: dict[str, float] = {}
        self._chains: dict[str, frozenset[str]] = {}

    def of(self, key: str) -> float:
        """Charged seconds; NaN where a stage of the chain has no record any more."""
        return sum(self._seconds[stage] for stage in sorted(self._chain(key)))

    def _chain(self, key: str) -> frozenset[str]:
        if key not in self._chains:
            found = self._find(key)
            self._seconds[key] = _own(found)
            parents = () if found is None else found.parents
            self._chains[key] = frozenset({key}).union(*(self._chain(parent) for parent in parents))
        return self._chains[key]


def _own(found: Spent | None) -> float:
    if found is None:
        return float("nan")
    return 0.0 if found.kind in FREE else float(found.seconds.get("total", float("nan")))
