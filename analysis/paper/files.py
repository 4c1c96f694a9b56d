"""All tables and figures of the paper as files."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from analysis._rendering import to_markdown
from analysis.paper.board import Board
from analysis.paper.document import document
from analysis.paper.figure2 import figure2
from analysis.paper.figure3 import figure3
from analysis.paper.layout import PaperTable, to_tabular
from analysis.paper.pictures import forms
from analysis.paper.table1 import table1
from analysis.paper.table2 import table2
from analysis.paper.table3 import table3, table3_comparisons
from analysis.paper.table4 import table4

FOLDER = "paper"


@dataclass(frozen=True)
class Picture:
    """One figure of the paper, with the numbers it is drawn from."""

    name: str
    caption: str
    figure: Figure
    long: pd.DataFrame


def paper_tables(board: Board) -> tuple[PaperTable, ...]:
    """The tables of the paper that a study has something of; `flat()` of one is a table for a page."""
    found = (table1(board), table2(board), table3(board), *table4(board))
    return tuple(table for table in found if table is not None)


def paper_files(board: Board) -> dict[str, str | bytes]:
    """Names and contents of the files of the paper's tables and figures.

    Each table is `paper/tableN.tex` (a bare tabular), `.md` and `.csv` (long, with intervals and p-values);
    each figure `paper/figureN.pdf`, `.svg`, `.png` and `.csv`; `paper/paper.tex` shows all of them.

    Args:
        board: the study laid out; what is missing is marked, never filled in.

    Returns:
        Nothing for a study that has nothing of the paper's tables and figures.
    """
    tables, pictures = paper_tables(board), _pictures(board)
    files: dict[str, str | bytes] = {}
    for table in tables:
        files[f"{table.name}.tex"] = to_tabular(table)
        files[f"{table.name}.md"] = to_markdown([table.flat()])
        files[f"{table.name}.csv"] = _csv(table.long)
    if not (compared := table3_comparisons(board)).empty:
        files["table3_comparisons.csv"] = _csv(compared)
    for picture in pictures:
        files |= forms(picture.figure, picture.name) | {f"{picture.name}.csv": _csv(picture.long)}
    if files:
        shown = [(picture.name, picture.caption) for picture in pictures]
        files["paper.tex"] = document(board.study.name, tables, shown)
    return {f"{FOLDER}/{name}": content for name, content in files.items()}


def _pictures(board: Board) -> tuple[Picture, ...]:
    captions = {
        "figure2": "UA by labelled share of train: strategies and initializations. Shaded: 95 % bootstrap "
        "interval over seeds within folds, on these speakers.",
        "figure3": "Charged minutes: (A) with all labels and with active learning; (B) by labelled share "
        "of train.",
    }
    drawn = {"figure2": figure2(board), "figure3": figure3(board)}
    return tuple(Picture(name, captions[name], *found) for name, found in drawn.items() if found is not None)


def _csv(table: pd.DataFrame) -> str:
    return str(table.to_csv(index=False, lineterminator="\n"))
