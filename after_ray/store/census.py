"""All records of a store at once: what rests on what, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from graphlib import TopologicalSorter

from after_ray.errors import DamagedStore
from after_ray.store.artifacts import Store
from after_ray.store.ledger import Record


@dataclass(frozen=True)
class Census:
    """Every record that can be read, by key; of those that cannot, a sentence each."""

    records: Mapping[str, Record]
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store) -> Census:
        """Read all records; those that another process removes meanwhile are left out."""
        records, unreadable = {}, {}
        keys = sorted(store.ledger.finished())
        for key, found in zip(keys, store.place.ask_each(partial(_found, store), keys), strict=True):
            if isinstance(found, DamagedStore):
                unreadable[key] = str(found)
            elif found is not None:
                records[key] = found
        return cls(records, unreadable)

    def with_parents(self, keys: Iterable[str]) -> frozenset[str]:
        """Those of `keys` that have a record, and all records that they rest on."""
        found: set[str] = set()
        waiting = [key for key in keys if key in self.records]
        while waiting:
            key = waiting.pop()
            if key not in found:
                found.add(key)
                waiting.extend(parent for parent in self.records[key].parents if parent in self.records)
        return frozenset(found)

    def in_order(self, keys: Collection[str]) -> list[str]:
        """These keys, what is rested on before what rests on it."""
        return [key for generation in self.generations(keys) for key in generation]

    def generations(self, keys: Collection[str]) -> Iterator[tuple[str, ...]]:
        """These keys in the same order, those together that rest on none of each other."""
        wanted = set(keys)
        below = {key: [p for p in self.records[key].parents if p in wanted] for key in sorted(wanted)}
        sorter = TopologicalSorter(below)
        sorter.prepare()
        while sorter.is_active():
            ready = sorter.get_ready()
            yield ready
            sorter.done(*ready)


def _found(store: Store, key: str) -> Record | DamagedStore | None:
    try:
        return store.find(key)
    except DamagedStore as error:
        return error
