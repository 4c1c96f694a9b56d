"""Results whose figures are set cell by cell, in rows that are in no order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from analysis.families import AXES
from analysis.results import CELL_COLUMNS, Results
from tests.analysis.curves.oracles import O11_A, O11_R

O11_PERCENTS = (1, 5, 10, 20, 40, 60, 80, 100)
OBJECTS = frozenset({"ua_by", "ua_by_corpus", "test_by", "labelled_by", "train_by", "classes"})
Of = Callable[[Any], Any]  # of a row


def with_columns(results: Results, **columns: Of) -> Results:
    """The same with other values in some columns, the rows of each family shuffled: pairing goes by key."""
    frame = results.frame.copy()
    for name, of in columns.items():
        values = [of(row) for row in frame.itertuples()]
        frame[name] = pd.Series(values, index=frame.index, dtype=object if name in OBJECTS else None)
    place = frame.groupby(list(AXES), sort=False).ngroup()
    shuffled = frame.assign(place=place).sample(frac=1, random_state=3).sort_values("place", kind="stable")
    return replace(results, frame=shuffled.drop(columns="place").reset_index(drop=True))


def o11(row: Any) -> float:
    """Entropy has the curve A of the oracle, all others R."""
    return (O11_A if row.strategy == "entropy" else O11_R)[O11_PERCENTS.index(int(row.percent))]


def together(*parts: Results) -> Results:
    """Cells of several studies as those of one."""
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    missing = pd.concat([part.missing for part in parts], ignore_index=True)
    return replace(parts[0], frame=frame, missing=missing)


def renamed(results: Results, **axes: str) -> Results:
    """The same cells with other names on some axes."""
    return replace(results, frame=results.frame.assign(**axes), missing=results.missing.assign(**axes))


def without(results: Results, *names: str) -> Results:
    """As older records left it: those columns were not there."""
    assert not set(names) & set(CELL_COLUMNS)
    return replace(results, frame=results.frame.drop(columns=list(names)))
