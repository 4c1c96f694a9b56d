"""Records that many ask for, each read once: a launch mends, estimates and looks for drift by one reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from after_ray.store.ledger import Ledger, Record


class Finds(Protocol):
    """Who finds records by their keys."""

    def find(self, key: str) -> Record | None:
        """The record of a finished stage, or None."""


Environments = Callable[[str], Mapping[str, Any] | None]  # by key: what a record says of where it was made


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

    def environment(self, key: str) -> Mapping[str, Any] | None:
        """Where and by what a stage was made; of one that was finished since, nothing else is read."""
        record = self._records.get(key)
        return self._ledger.environment(key) if record is None else record.environment

    def forget(self, key: str) -> None:
        """A record was set aside: what stands next is another."""
        self._records.pop(key, None)

    def _light(self, record: Record) -> Record:
        environment = self._environments.setdefault(repr(record.environment), record.environment)
        return replace(record, meaning={}, details={}, environment=environment)
