"""What a finished round acquired, with what its record and its ranking of the pool say of each utterance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from after_ray.manifest import Manifest
from after_ray.store import SELECTION_FILE, Record, Store

# What the record of a round says beside an initialization's own words, which lie flat in it.
OF_EVERY_ROUND = frozenset(
    {
        "acquired", "acquired_scores", "acquisition", "backbone", "classes", "collapsed", "compiled",
        "conformity", "confusion", "folds", "labelled_by", "precision", "recall", "resumed",
        "skipped_updates", "stopped", "test_by", "test_speakers", "train_by", "train_seconds", "ua_by",
        "ua_by_corpus", "warnings",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """One utterance of a pool.

    Attributes:
        row: of the manifest.
        utterance: its name.
        score: what it was picked for, or what the pool is ranked by; None where there is no such number.
        rank: in the pool, 1 the best; None where the pool was not ranked.
        order: of its acquisition in the round, from 1; None where it was not acquired.
    """

    row: int
    utterance: str
    score: float | None
    rank: int | None
    order: int | None = None


class AcquiredRound:
    """One finished round of a trajectory.

    Args:
        store: holds it.
        record: its record.
        names: the manifest's utterances, in their order.
    """

    def __init__(self, store: Store, record: Record, names: pd.Index[str]) -> None:
        self.record = record
        self._store, self._names = store, names

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Manifest rows of what was acquired, first choice first."""
        acquired = pd.Index(self.record.details["acquired"], dtype=self._names.dtype)
        return self._names.get_indexer(acquired).astype(np.int64)

    @property
    def pool(self) -> int:
        """How many utterances it chose from."""
        labelled, train = (int(self.record.measures[name] or 0) for name in ("labelled", "train"))
        return train - labelled + len(self.rows)

    @property
    def ranks_pool(self) -> bool:
        """Whether the ranking of the pool is stored."""
        return bool(self._ranking)

    @property
    def places(self) -> Iterator[Place]:
        """What was acquired, first choice first."""
        scores = self.record.details.get("acquired_scores") or [None] * len(self.rows)
        ranks = self._ranks(self.rows)
        told = zip(self.rows.tolist(), self.record.details["acquired"], scores, ranks, strict=True)
        for order, (row, utterance, score, rank) in enumerate(told, start=1):
            yield Place(row, utterance, score, rank, order)

    def not_taken(self, most: int) -> list[Place]:
        """The best of the ranked pool that were not acquired, best first; none where it is not ranked."""
        if not self._ranking or most < 1:
            return []
        rows, ranks = self._ranking["rows"], self._ranking["ranks"]
        best = np.flatnonzero(ranks <= most + len(self.rows))  # those acquired are among them
        left = best[~np.isin(rows[best], self.rows)]
        chosen = left[np.argsort(ranks[left])][:most]
        names, scores = self._names[rows[chosen]], self._ranking["scores"][chosen]
        return [
            Place(int(row), str(name), float(score), int(rank))
            for row, name, score, rank in zip(rows[chosen], names, scores, ranks[chosen], strict=True)
        ]

    @property
    def details(self) -> dict[str, Any]:
        """What its strategy, or in round 0 its initialization, recorded."""
        said = self.record.details
        if "previous" in self.record.meaning:
            return dict(said.get("acquisition", {}))
        return {name: value for name, value in said.items() if name not in OF_EVERY_ROUND}

    @cached_property
    def _ranking(self) -> Mapping[str, NDArray[Any]]:
        kept = SELECTION_FILE in self.record.files  # a record that names it and has it not is damaged
        return self._store.arrays(self.record, SELECTION_FILE) if kept else {}

    def _ranks(self, rows: NDArray[np.int64]) -> list[int | None]:
        if not self._ranking:
            return [None] * len(rows)
        at = np.searchsorted(self._ranking["rows"], rows)  # which are ascending
        return [int(rank) for rank in self._ranking["ranks"][at]]


def names_of(manifest: Manifest) -> pd.Index[str]:
    """The manifest's utterances, to be looked up by name."""
    return pd.Index(manifest.table["utterance"])
