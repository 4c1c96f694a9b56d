"""Table 4: the ablation: with and without adaptation, random against the chosen strategy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from analysis._rendering import Cell
from analysis.families import Family, percent_text
from analysis.paper.board import NO_ADAPTATION, Board, Point, Trained
from analysis.paper.layout import Group, Head, PaperTable, Row
from analysis.paper.numbers import (
    Entry,
    best,
    lines,
    missing_note,
    published_cell,
    published_note,
    score_cell,
    score_notes,
)
from analysis.paper.published import published
from analysis.tables import METRICS

Column = tuple[str, Family]  # how it is trained, and its curve


def table4(board: Board) -> tuple[PaperTable, ...]:
    """One table per corpus and method with at least two of the four columns, the widest first to be planned.

    All columns have the initialization that AFTER stands for: they differ in what is named above them.
    """
    methods = list(dict.fromkeys((trained.corpus, trained.method) for trained in board.trained))
    found = [(corpus, method, _columns(board, corpus, method)) for corpus, method in methods]
    shown = [(corpus, method, columns) for corpus, method, columns in found if _comparable(board, columns)]
    return tuple(
        _table(board, corpus, method, columns, "table4" if len(shown) == 1 else f"table4_{place}")
        for place, (corpus, method, columns) in enumerate(shown, start=1)
    )


def _columns(board: Board, corpus: str, method: str) -> list[Column]:
    """The reference and the chosen strategy of every training of a method, by name."""
    trained = [one for one in board.trained if (one.corpus, one.method) == (corpus, method)]
    trained.sort(key=lambda one: one.adaptation != NO_ADAPTATION)
    return [
        column for strategies in (True, False) for one in trained for column in _of(board, one, strategies)
    ]


def _of(board: Board, trained: Trained, reference: bool) -> Iterator[Column]:
    strategy = board.study.reference if reference else board.strategy(trained)
    if not reference and strategy == board.study.reference:
        return
    curve = board.curve(trained, strategy)
    if curve is not None and strategy is not None:
        yield board.training_name(trained), curve


def _comparable(board: Board, columns: Sequence[Column]) -> bool:
    points = (Point(curve, percent) for _, curve in columns for percent in board.percents(curve))
    return len(columns) > 1 and any(board.score(point, "ua") for point in points)


def _table(board: Board, corpus: str, method: str, columns: list[Column], name: str) -> PaperTable:
    percents = sorted({percent for _, curve in columns for percent in board.percents(curve)})
    entries = [
        Entry(f"{title}, {curve.strategy}", Point(curve, percent))
        for percent in percents
        for title, curve in columns
        if percent in board.percents(curve)
    ]
    points = [entry.point for entry in entries]
    papers = tuple(_published(board, columns, percents))
    initializations = ", ".join(dict.fromkeys(curve.initialization for _, curve in columns))
    return PaperTable(
        name,
        f"Ablation on {corpus} ({method}), {initializations} initialization: training and strategy by "
        "labelled share of train.",
        (
            (Head(""), *_strategies(columns)),
            (Head(""), *(Head(title, len(METRICS)) for title, _ in columns)),
            (Head("ratio"), *(Head(metric.upper()) for _ in columns for metric in METRICS)),
        ),
        (
            Group(tuple(_row(board, columns, percent) for percent in percents), "this study" * bool(papers)),
            *([Group(papers, "paper")] if papers else []),
        ),
        (
            *score_notes(board, points),
            "Best UA and best WA of a ratio bold.",
            *published_note(bool(papers)),
            *missing_note(_missing(board, corpus, method, columns)),
        ),
        lines(board, "table4", entries),
    )


def _strategies(columns: Sequence[Column]) -> Iterator[Head]:
    """The strategy over the columns that have it, which stand together."""
    for strategy, same in groupby(columns, lambda column: column[1].strategy):
        yield Head(strategy, len(METRICS) * len(list(same)))


def _row(board: Board, columns: Sequence[Column], percent: float) -> Row:
    points = [Point(curve, percent) for _, curve in columns]
    top = {metric: best(board, points, metric) for metric in METRICS}
    cells = (
        score_cell(board, board.score(point, metric), point in top[metric])
        for point in points
        for metric in METRICS
    )
    return Cell(percent_text(percent)), *cells


def _published(board: Board, columns: Sequence[Column], percents: Sequence[float]) -> Iterator[Row]:
    """The paper's own rows, of the ratios that it prints."""
    for percent in percents:
        cells = []
        for _, curve in columns:
            point = Point(curve, percent)
            for metric in METRICS:
                number = published().number(board, "table4", point, metric)
                cells.append(published_cell(board.score(point, metric), number))
        if any(cell.value is not None for cell in cells):
            yield Cell(percent_text(percent)), *cells


def _missing(board: Board, corpus: str, method: str, columns: Sequence[Column]) -> list[str]:
    trained = [one for one in board.trained if (one.corpus, one.method) == (corpus, method)]
    missing = []
    if not any(one.adapted for one in trained):
        missing.append("the columns with adaptation (TAPT+FT)")
    if all(one.adapted for one in trained):
        missing.append("the columns without adaptation (FT)")
    strategies = {curve.strategy for _, curve in columns}
    if len(strategies) < 2:
        missing.append("the columns of a second strategy")
    elif board.choice.strategy not in strategies:
        missing.append(f"the strategy {board.choice.strategy}")
    return missing
