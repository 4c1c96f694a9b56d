"""Files of selections for tests: what a study acquired, and small studies that replay them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from sweeps.planning.opening import OpenStudy
from sweeps.selections.csv_file import write_csv
from sweeps.selections.exporting import COLUMNS, Selections
from tests.sweeps.small import small_study

Row = dict[str, str]
Change = Callable[[list[Row]], list[Row]]
BY_HAND = ("corpus", "fold", "seed", "order", "utterance")


def exported(opened: OpenStudy, folder: Path) -> Path:
    """All selections of a study in a file."""
    path = folder / "selections.csv"
    write_csv(path, COLUMNS, Selections(opened).rows())
    return path


def read(path: Path) -> list[Row]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def rewrite(path: Path, change: Change, columns: Sequence[str] | None = None) -> None:
    """Change the rows of a file, and keep some of its columns."""
    rows = change(read(path))
    named = columns or list(rows[0])
    write_csv(path, named, [[row[name] for name in named] for row in rows])


def by_hand(rows: list[Row]) -> list[Row]:
    """The entropy trajectories after random round 0s as a person may write them: one order, few columns."""
    kept = [row for row in rows if row["strategy"] == "entropy" and row["initialization"] == "random"]
    counts: dict[tuple[str, str], int] = {}
    for row in kept:
        place = (row["fold"], row["seed"])
        counts[place] = counts.get(place, 0) + 1
        row["order"] = str(counts[place])
    return kept


def replaying(folder: Path, replay: dict[str, object] | None = None, **changed: object) -> OpenStudy:
    """A study that replays `selections.csv` of its folder."""
    asked = {"name": "replay", "over": "entropy", "file": "selections.csv", **(replay or {})}
    asked = {key: value for key, value in asked.items() if value is not None}
    return small_study(folder, **{"study": "again", "strategy": [asked], "fold": [0, 1], **changed})
