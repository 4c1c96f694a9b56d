"""Table 2: AFTER by labelled share: UA, WA and charged minutes."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis._rendering import Cell
from analysis.families import Family, label, percent_text, varying
from analysis.paper.board import ALL, Board, Point
from analysis.paper.layout import Group, Head, PaperTable, Row
from analysis.paper.minutes import Minutes, minutes, minutes_cell, minutes_note
from analysis.paper.numbers import (
    Entry,
    best,
    line,
    published_cell,
    published_note,
    score_cell,
    score_notes,
)
from analysis.paper.published import published
from analysis.tables import METRICS, Metric

AT_ONCE = "100 % at once"


def table2(board: Board) -> PaperTable | None:
    """The curve that AFTER stands for, of every corpus and model; None where nothing has several ratios.

    Where a model was also trained on everything at once, a last column has it: the trajectory up to 100 %
    costs more than one training, so that a saving against it is largely made by the grid of ratios.
    """
    curves = [curve for curve in _curves(board) if _finished(board, curve)]
    if not curves:
        return None
    percents = sorted({percent for curve in curves for percent in board.percents(curve)})
    ends = {curve: _at_once(board, curve) for curve in curves}
    at_once = any(end is not None for end in ends.values())
    points = {
        curve: [
            *(Point(curve, p) if p in board.percents(curve) else None for p in percents),
            *([ends[curve]] if at_once else []),
        ]
        for curve in curves
    }
    axes = varying(pd.DataFrame(curves))
    groups = tuple(
        Group(tuple(_rows(board, points[curve])), label(curve, axes) if len(curves) > 1 else "")
        for curve in curves
    )
    everything = [point for of_curve in points.values() for point in of_curve]
    printed = any(published().number(board, "table2", point, "ua") is not None for point in everything)
    heads = ("", *map(percent_text, percents), *([AT_ONCE] if at_once else []))
    return PaperTable(
        "table2",
        f"UA, WA and charged minutes of {_title(curves)} by labelled share of train.",
        (tuple(map(Head, heads)),),
        groups,
        (
            *score_notes(board, everything),
            "Minutes: adaptation in full, features, scoring and training up to the ratio.",
            *minutes_note(minutes(board, point) for point in everything),
            *published_note(printed),
            *(
                []
                if at_once
                else ["Not in this study: a single training on all labels, to compare its time."]
            ),
        ),
        pd.DataFrame(
            [
                row
                for curve in curves
                for point in points[curve]
                if point
                for row in _lines(board, point, axes)
            ]
        ),
    )


def _curves(board: Board) -> Iterator[Family]:
    """One curve per corpus and model; of adapted models only, if there are any of the method."""
    adapted = {(trained.corpus, trained.method) for trained in board.trained if trained.adapted}
    for trained in board.trained:
        if trained.adapted or (trained.corpus, trained.method) not in adapted:
            curve = board.curve(trained, board.strategy(trained))
            if curve is not None:
                yield curve


def _finished(board: Board, curve: Family) -> bool:
    return any(board.score(Point(curve, percent), "ua") for percent in board.percents(curve))


def _at_once(board: Board, curve: Family) -> Point | None:
    full = board.full(Point(curve, ALL).trained)
    return full if full is not None and full.single_shot else None


def _title(curves: list[Family]) -> str:
    names = list(dict.fromkeys((curve.strategy, curve.initialization) for curve in curves))
    return "; ".join(f"{strategy} with {initialization} initialization" for strategy, initialization in names)


def _rows(board: Board, points: list[Point | None]) -> Iterator[Row]:
    for metric in METRICS:
        yield _scores(board, points, metric)
        papers = [published().number(board, "table2", point, metric) for point in points]
        if any(number is not None for number in papers):
            cells = (
                published_cell(board.score(point, metric), number)
                for point, number in zip(points, papers, strict=True)
            )
            yield Cell(f"{metric.upper()}, paper"), *cells
    yield Cell("minutes"), *(minutes_cell(minutes(board, point)) for point in points)


def _scores(board: Board, points: list[Point | None], metric: Metric) -> Row:
    top = best(board, points, metric)
    cells = (score_cell(board, board.score(point, metric), point in top) for point in points)
    return Cell(metric.upper()), *cells


def _lines(board: Board, point: Point, axes: list[str]) -> Iterator[dict[str, object]]:
    name = label(point.family, axes)
    yield from (line(board, "table2", Entry(name, point), metric) for metric in METRICS)
    found: Minutes | None = minutes(board, point)
    if found is not None:
        yield {
            "row": name,
            **point.family._asdict(),
            "percent": point.percent,
            "metric": "minutes",
            "mean": found.mean,
            "cells": found.cells,
            "benchmark": found.alone,
        }
