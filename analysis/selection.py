"""Strategy and initialization chosen by validation, as somebody without test labels has to choose them.

The best of many settings by their test scores is better than it will be on other speakers: among 14 equal
settings by about a point. Validation utterances of a fold are of its training speakers, so each fold chooses
for itself; pooled over folds, the validation of one would hold the test speakers of another.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from after_ray.wording import counted
from analysis._rendering import Cell, Table, percent, points
from analysis.families import NEUTRAL, Family, by_family, label, percent_text, varying, words
from analysis.results import Results

GROUP = ("corpus", "method", "adaptation", "restart", "annotation", "label_noise")
NOTE = (
    "In percent of UA. Every fold takes the setting of strategy and initialization that has the highest mean "
    "UA on its own validation part; the score is its UA on test, mean over folds. Settings that are the same "
    "runs count once; ratios with missing cells are left out. “best on test” is the "
    "setting that test scores would choose, which nobody can without test labels; the last column is what "
    "that choice would add."
)


def selection_frame(results: Results) -> pd.DataFrame:
    """One row per combination of `GROUP` and ratio with several settings, all cells finished.

    Returns:
        The group and percent; `settings` to choose from; `ua_selected`, mean test UA over folds of what
        validation chose; `chosen`, how many folds chose what; `ua_best` and `best`, of the setting with the
        highest mean test UA.
    """
    if "validation_ua" not in results.frame:
        return pd.DataFrame()
    axes = varying(results.cells)
    lacking = set(map(tuple, results.missing[[*GROUP, "percent"]].to_numpy().tolist()))
    rows = []
    for values, cells in results.frame.groupby([*GROUP, "percent"], sort=False):
        if tuple(values) not in lacking and cells["validation_ua"].notna().all():
            rows += _row(dict(zip([*GROUP, "percent"], values, strict=True)), cells, axes)
    return pd.DataFrame(rows)


def selection_table(frame: pd.DataFrame) -> Table:
    """What validation chose at each ratio, beside what test scores would have chosen."""
    several = [axis for axis in GROUP if frame[axis].nunique() > 1]
    columns = ("", "chosen by validation", "UA", "best on test", "UA", "added")
    rows = tuple(_cells(row, several) for row in frame.to_dict("records"))
    return Table("Chosen by validation", columns, rows, NOTE)


def _row(group: dict[str, Any], cells: pd.DataFrame, axes: list[str]) -> list[dict[str, Any]]:
    settings = _different(by_family(cells))
    if len(settings) < 2:
        return []
    by_fold = {
        family: of_family.groupby("fold")[["validation_ua", "ua"]].mean()
        for family, of_family in settings.items()
    }
    validation = pd.DataFrame({place: one["validation_ua"] for place, one in enumerate(by_fold.values())})
    test = pd.DataFrame({place: one["ua"] for place, one in enumerate(by_fold.values())})
    chosen = validation.idxmax(axis=1)  # the first of equals, in the order of the plan
    names = [_setting(family, axes) for family in by_fold]
    best = int(test.mean().to_numpy().argmax())
    counts = Counter(names[place] for place in chosen)
    return [
        {
            **group,
            "settings": len(settings),
            "ua_selected": float(pd.Series([test.at[fold, place] for fold, place in chosen.items()]).mean()),
            "chosen": ", ".join(f"{name} ({counted(n, 'fold')})" for name, n in counts.most_common()),
            "ua_best": float(test[best].mean()),
            "best": names[best],
        }
    ]


def _different(settings: dict[Family, pd.DataFrame]) -> dict[Family, pd.DataFrame]:
    """Settings that are the same runs, as round 0 of all strategies, once under the first name."""
    first: dict[frozenset[str], Family] = {}
    for family, cells in settings.items():
        first.setdefault(frozenset(cells["key"]), family)
    return {family: settings[family] for family in first.values()}


def _setting(family: Family, axes: list[str]) -> str:
    return label(family, [axis for axis in axes if axis not in GROUP] or ["strategy"])


def _named(axis: str, value: str) -> str:
    return words(axis, value) if axis in NEUTRAL else value


def _cells(row: Any, several: list[str]) -> tuple[Cell, ...]:
    names = ", ".join([*(_named(axis, str(row[axis])) for axis in several), percent_text(row["percent"])])
    return (
        Cell(names),
        Cell(row["chosen"]),
        Cell(percent(row["ua_selected"]), value=row["ua_selected"]),
        Cell(row["best"]),
        Cell(percent(row["ua_best"]), value=row["ua_best"]),
        Cell(points(row["ua_best"] - row["ua_selected"]), value=row["ua_best"] - row["ua_selected"]),
    )
