"""What a store holds, by what it is: bytes and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from after_ray.store.artifacts import ARTIFACTS, CHECKPOINTS, Store
from after_ray.store.census import Census

KINDS = (
    "audio",
    "folds",
    "selections",
    "adaptation",
    "features",
    "pretraining",
    "frame_losses",
    "round",
    "candidate",
)
ORPHANS = "files no record names"
OTHER = "other"
# The first part of a path in the store -> what it is called; records and artifacts are told apart by kind.
PLACES = {
    "ledger": "records",
    "checkpoints": "checkpoints",
    "cache": "cache",
    "logs": "logs",
    "scans": "scans",
    "mlflow.db": "MLflow",
    "mlartifacts": "MLflow",
    "mirror": "MLflow",
    "reports": "reports",
    "searches": "searches",
    "ray": "scratch of launches",
    "claims": "claims",
    "launches": "claims",
}


@dataclass
class Amount:
    """Bytes, and the number of results, unfinished stages or files."""

    bytes: int = 0
    count: int = 0

    def add(self, size: int, count: int = 1) -> None:
        """One more of them."""
        self.bytes += size
        self.count += count


@dataclass(frozen=True)
class Usage:
    """What a store holds: by what it is, and of each stage with a record the bytes of its files."""

    amounts: Mapping[str, Amount]
    stages: Mapping[str, int]

    @property
    def total(self) -> int:
        """Bytes of all."""
        return sum(amount.bytes for amount in self.amounts.values())

    def of(self, keys: Iterable[str]) -> int:
        """Bytes of the files of these stages."""
        return sum(self.stages.get(key, 0) for key in keys)


def usage(store: Store, census: Census) -> Usage:
    """Measure a store; files that others remove meanwhile are left out."""
    names = [*KINDS, ORPHANS, *dict.fromkeys(PLACES.values()), OTHER]
    amounts = {name: Amount() for name in names}
    stages = _artifacts(store, census, amounts)
    for found in store.place.files():
        first = found.name.partition("/")[0]
        if first != ARTIFACTS:
            amounts[_name(first)].add(found.bytes)
    amounts["checkpoints"].count = len(store.place.folders(CHECKPOINTS))
    return Usage({name: amount for name, amount in amounts.items() if amount.count}, stages)


def _name(first: str) -> str:
    return PLACES.get(first, "MLflow" if first.startswith("mlflow.db") else OTHER)


def _artifacts(store: Store, census: Census, amounts: dict[str, Amount]) -> dict[str, int]:
    """Count the folders of stages by kind; returns the bytes of each stage that has a record."""
    named = {record.folder: key for key, record in census.records.items() if record.folder}
    stages = dict.fromkeys(census.records, 0)
    for folder, size in _sizes(store).items():
        key = named.get(folder)
        if key is None:
            amounts[ORPHANS].add(size)
        else:
            stages[key] = size
    for key, size in stages.items():
        amounts.setdefault(census.records[key].kind, Amount()).add(size)
    return stages


def _sizes(store: Store) -> dict[str, int]:
    """Bytes of every folder that a stage wrote its files into, by one listing."""
    sizes = dict.fromkeys(artifact_folders(store) if store.place.on_disk else (), 0)  # some are empty
    for found in store.place.files(ARTIFACTS):
        folder = "/".join(found.name.split("/")[:3])
        sizes[folder] = sizes.get(folder, 0) + found.bytes
    return sizes


def artifact_folders(store: Store) -> list[str]:
    """Every folder that a stage wrote its files into, named by a record or not."""
    place = store.place
    firsts = [f"{ARTIFACTS}/{first}" for first in place.folders(ARTIFACTS)]
    inside = place.ask_each(place.folders, firsts)
    return [f"{first}/{name}" for first, names in zip(firsts, inside, strict=True) for name in names]
