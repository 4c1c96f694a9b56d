"""What a store holds, by what it is: bytes and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from after_ray.store.artifacts import Store
from after_ray.store.census import Census
from after_ray.store.walking import files_below, folders_in

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
    "ray": "scratch of Ray",
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
    for found in files_below(store.root):
        place = found.path.relative_to(store.root).parts[0]
        if place != "artifacts":
            amounts[_name(place)].add(found.bytes)
    amounts["checkpoints"].count = len(folders_in(store.root / "checkpoints"))
    return Usage({name: amount for name, amount in amounts.items() if amount.count}, stages)


def _name(place: str) -> str:
    return PLACES.get(place, "MLflow" if place.startswith("mlflow.db") else OTHER)


def _artifacts(store: Store, census: Census, amounts: dict[str, Amount]) -> dict[str, int]:
    """Count the folders of stages by kind; returns the bytes of each stage that has a record."""
    named = {record.folder: key for key, record in census.records.items() if record.folder}
    stages = dict.fromkeys(census.records, 0)
    for folder in artifact_folders(store):
        size = sum(found.bytes for found in files_below(folder))
        key = named.get(folder.relative_to(store.root).as_posix())
        if key is None:
            amounts[ORPHANS].add(size)
        else:
            stages[key] = size
    for key, size in stages.items():
        amounts.setdefault(census.records[key].kind, Amount()).add(size)
    return stages


def artifact_folders(store: Store) -> list[Path]:
    """Every folder that a stage wrote its files into, named by a record or not."""
    return [folder for bucket in folders_in(store.root / "artifacts") for folder in folders_in(bucket)]
