"""From a results frame to paired scores of shape (seeds, folds): by key, never by position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import AmbiguousSelection, EmptySelection, RaggedTable
from analysis.families import AXES


def paired(
    frame: pd.DataFrame, a: Mapping[str, Any], b: Mapping[str, Any], metric: str = "ua"
) -> NDArray[np.float64]:
    """Differences a - b of `metric`, shape (seeds, folds); as `paired_scores`, and raises what it raises."""
    left, right = paired_scores(frame, a, b, metric)
    return left - right


def paired_scores(
    frame: pd.DataFrame, a: Mapping[str, Any], b: Mapping[str, Any], metric: str = "ua"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of two selections, both of shape (seeds, folds), paired by fold and seed.

    `a` and `b` name columns and their values, enough of them to leave one cell per fold and seed.

    Raises:
        EmptySelection, AmbiguousSelection: when a selection names no cell, or several for one pair.
        RaggedTable: when the two do not fill the same full grid of folds and seeds.
    """
    return paired_cells(_selected(frame, a), _selected(frame, b), metric, (_named(a), _named(b)))


def paired_cells(
    a: pd.DataFrame, b: pd.DataFrame, metric: str = "ua", names: tuple[str, str] = ("One side", "The other")
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As `paired_scores`, of cells that are selected already; `names` of both sides begin the sentences."""
    left, right = _scores(a, names[0], metric), _scores(b, names[1], metric)
    folds = sorted({fold for fold, _ in left} | {fold for fold, _ in right})
    seeds = sorted({seed for _, seed in left} | {seed for _, seed in right})
    for scores, name in ((left, names[0]), (right, names[1])):
        holes = [(fold, seed) for fold in folds for seed in seeds if (fold, seed) not in scores]
        if holes:
            raise RaggedTable(name, holes, len(folds), len(seeds))
    first, second = (
        np.array([[scores[fold, seed] for fold in folds] for seed in seeds], dtype=np.float64)
        for scores in (left, right)
    )
    return first, second


def _selected(frame: pd.DataFrame, selection: Mapping[str, Any]) -> pd.DataFrame:
    chosen = pd.Series(True, index=frame.index)
    for column, value in selection.items():
        chosen &= frame[column] == value
    return frame[chosen]


def _scores(cells: pd.DataFrame, name: str, metric: str) -> dict[tuple[int, int], float]:
    chosen = cells[cells[metric].notna()]
    if chosen.empty:
        raise EmptySelection(name)
    if chosen.duplicated(["fold", "seed"]).any():
        several = [axis for axis in (*AXES, "percent") if axis in chosen and chosen[axis].nunique() > 1]
        raise AmbiguousSelection(name, several)
    keys = zip(chosen["fold"], chosen["seed"], chosen[metric], strict=True)
    return {(int(fold), int(seed)): float(score) for fold, seed, score in keys}


def _named(selection: Mapping[str, Any]) -> str:
    return "Cells with " + ", ".join(f"{column} {value}" for column, value in selection.items())
