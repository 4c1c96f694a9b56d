"""Trajectories of a family as arrays of folds x seeds x ratios: by key, with holes for missing cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.families import Family, by_family
from analysis.results import Results

_COLUMNS = (
    "labelled", "annotations", "validation", "validation_used", "train", "test", "charged_seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Trajectories:
    """The planned trajectories of one family; a trajectory is one fold and one seed at all ratios.

    Attributes:
        folds, seeds, percents: what the axes of the arrays stand for, rising.
        planned: whether a trajectory is planned, shape (folds, seeds).
        values: `score`, labelled, annotations (one per label where the record does not say), validation,
            validation_used, train, test and charged_seconds, each of shape (folds, seeds, ratios), NaN where
            a cell is not finished or its record does not say.
    """

    family: Family
    folds: tuple[int, ...]
    seeds: tuple[int, ...]
    percents: tuple[float, ...]
    planned: NDArray[np.bool_]
    values: Mapping[str, NDArray[np.float64]]

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """The planned trajectories that have a score at every ratio, shape (folds, seeds)."""
        return self.planned & ~np.isnan(self.values["score"]).any(axis=2)

    @property
    def whole(self) -> bool:
        """Whether every planned trajectory is complete."""
        return bool((self.complete == self.planned).all())

    @property
    def counts(self) -> dict[str, int]:
        """How many `trajectories` are complete and `trajectories_planned`, for a row of a frame."""
        return {"trajectories": int(self.complete.sum()), "trajectories_planned": int(self.planned.sum())}

    @property
    def missing(self) -> int:
        """How many cells the planned trajectories lack."""
        return int(np.isnan(self.values["score"][self.planned]).sum())

    def by_fold(self, name: str = "score") -> dict[int, NDArray[np.float64]]:
        """Values of each fold that has a complete trajectory, of these alone: shape (seeds, ratios)."""
        values = self.values[name]
        return {
            fold: values[place][self.complete[place]]
            for place, fold in enumerate(self.folds)
            if self.complete[place].any()
        }

    def curve(self, name: str = "score") -> NDArray[np.float64]:
        """Mean over folds of the mean over seeds of `by_fold`, shape (ratios,); NaN where it is empty."""
        means = [values.mean(axis=0) for values in self.by_fold(name).values()]
        return np.mean(means, axis=0) if means else np.full(len(self.percents), np.nan)


def trajectories_of(results: Results, metric: str = "ua") -> dict[Family, Trajectories]:
    """The trajectories of every planned family, in the order of the plan; `metric` becomes their `score`."""
    finished = by_family(results.frame)
    return {
        family: _trajectories(family, planned, finished.get(family), metric)
        for family, planned in by_family(results.cells).items()
    }


def reference_of(family: Family, strategy: str) -> Family:
    """The family that differs from this one by its strategy only."""
    return family._replace(strategy=strategy)


def _trajectories(
    family: Family, planned: pd.DataFrame, finished: pd.DataFrame | None, metric: str
) -> Trajectories:
    folds, seeds, percents = (np.unique(planned[axis]) for axis in ("fold", "seed", "percent"))
    there = np.zeros((len(folds), len(seeds)), dtype=bool)
    there[np.searchsorted(folds, planned["fold"]), np.searchsorted(seeds, planned["seed"])] = True
    shape = (*there.shape, len(percents))
    values = {name: np.full(shape, np.nan) for name in ("score", *_COLUMNS)}
    if finished is not None:
        axes = (("fold", folds), ("seed", seeds), ("percent", percents))
        where = tuple(np.searchsorted(known, finished[axis]) for axis, known in axes)
        for name, column in (("score", metric), *((name, name) for name in _COLUMNS)):
            if column in finished:
                values[name][where] = finished[column].to_numpy(dtype=np.float64, na_value=np.nan)
    spent = values["annotations"]  # the corpus' own labels, of which no record counts any
    values["annotations"] = np.where(np.isnan(spent), values["labelled"], spent)
    return Trajectories(family, _ints(folds), _ints(seeds), tuple(map(float, percents)), there, values)


def _ints(values: NDArray[Any]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)
