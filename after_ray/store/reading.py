"""Records that many ask for, each read once: a launch mends, estimates and looks for drift by one reading."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Protocol

from after_ray.store.ledger import Ledger, Record


class Finds(Protocol):
    """Who finds records by their keys."""

    def find(self, key: str) -> Record | None:
        """The record of a finished stage, or None."""

    def find_all(self, keys: Collection[str]) -> dict[str, Record]:
        """The records of those of `keys` that are finished."""


Made = Mapping[str, Mapping[str, Any]]  # by key: what a record says of where and by what it was made
Environments = Callable[[Collection[str]], Made]


class Reading:
    """Records without their meaning and details, which are most of them; damaged ones are set aside.

    Records are written once, so one that was read stands; those of stages that were not finished are looked
    for again.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._records: dict[str, Record] = {}
        self._environments: dict[str, Mapping[str, Any]] = {}  # one for all records that say the same

    def find(self, key: str) -> Record | None:
        """The record of a finished stage, without what it means and its details; None where there is none."""
        if key not in self._records:
            record = self._ledger.reclaim(key)
            if record is None:
                return None
            self._records[key] = self._light(record)
        return self._records[key]

    def find_all(self, keys: Collection[str]) -> dict[str, Record]:
        """Like `find`, of many."""
        for key, record in self._ledger.reclaim_all(set(keys) - self._records.keys()).items():
            self._records[key] = self._light(record)
        return {key: self._records[key] for key in keys if key in self._records}

    def environments(self, keys: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """Where and by what stages were made; of those that were finished since, nothing else is read."""
        known = {key: self._records[key].environment for key in keys if key in self._records}
        return {**known, **self._ledger.environments(set(keys) - known.keys())}

    def forget(self, key: str) -> None:
        """A record was set aside: what stands next is another."""
        self._records.pop(key, None)

    def _light(self, record: Record) -> Record:
        environment = self._environments.setdefault(repr(record.environment), record.environment)
        return replace(record, meaning={}, details={}, environment=environment)
