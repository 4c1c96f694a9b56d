"""Charged minutes: a benchmark only where trials had their device for themselves and were never resumed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analysis._rendering import NOTHING, Cell
from analysis.paper.board import Board, Point

SHARED = "‡"
SHARED_NOTE = (
    f"{SHARED} trials shared their device or were resumed: these minutes are no benchmark. "
    "Give every trial a device of its own for one."
)


@dataclass(frozen=True)
class Minutes:
    """Charged minutes of a point: adaptation in full, features, and all rounds up to its ratio.

    Attributes:
        mean: over folds of the mean over seeds.
        alone: whether they come only from trials with a device for themselves that were never resumed; where
            some folds have no such trial they come from all.
        cells: how many cells they come from.
    """

    mean: float
    alone: bool
    cells: int


def minutes(board: Board, point: Point | None) -> Minutes | None:
    """The minutes of a point; None where nothing is finished, or where a stage has lost its record."""
    if point is None:
        return None
    cells = board.cells(point)
    cells = cells[cells["charged_seconds"].notna()]
    if cells.empty:
        return None
    undisturbed = cells[cells["undisturbed"]]
    alone = undisturbed["fold"].nunique() == cells["fold"].nunique()
    used = undisturbed if alone else cells
    seconds = used.groupby("fold")["charged_seconds"].mean().mean()
    return Minutes(float(seconds) / 60, alone, len(used))


def minutes_cell(found: Minutes | None) -> Cell:
    """Minutes with one digit as the paper prints them, marked where they are no benchmark."""
    if found is None:
        return Cell(NOTHING)
    text = f"{found.mean:.1f}" if found.mean >= 1 else f"{found.mean:.2g}"
    return Cell(text, mark=SHARED * (not found.alone), value=found.mean)


def minutes_note(found: Iterable[Minutes | None]) -> tuple[str, ...]:
    """The sentence on minutes that are no benchmark, where there are such."""
    return (SHARED_NOTE,) if any(one is not None and not one.alone for one in found) else ()
