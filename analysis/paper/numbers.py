"""Numbers of the paper's tables: as fields with marks, as sentences on the marks, and as lines of CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis._rendering import NOTHING, Cell, percent
from analysis.paper.board import Board, Point, Score
from analysis.paper.published import published
from analysis.tables import METRICS, Metric

INCOMPLETE, DAGGER, OUTSIDE = "*", "†", "≠"
SAME = 1e-12
DIGITS = 2  # as the paper prints


@dataclass(frozen=True)
class Entry:
    """A point in a table under the name of its row, or column."""

    name: str
    point: Point | None


def score_cell(board: Board, score: Score | None, bold: bool = False, mark: str = "") -> Cell:
    """A score in percent; a star where cells of it are missing."""
    if score is None:
        return Cell(NOTHING)
    shown = board.shown(score)
    return Cell(percent(shown, DIGITS), bold, mark + INCOMPLETE * (not score.whole), shown)


def published_cell(ours: Score | None, papers: float | None) -> Cell:
    """What the paper prints, marked where the study's mean differs by more than the tolerance."""
    if papers is None:
        return Cell(NOTHING)
    apart = ours is not None and published().outside(ours.mean, papers)
    return Cell(percent(papers, DIGITS), mark=OUTSIDE * apart, value=papers)


def best(board: Board, points: Iterable[Point | None], metric: Metric) -> frozenset[Point]:
    """The points with the highest of several scores, if all cells of it are there and not all are equal."""
    scores = {point: board.shown(score) for point in points if (score := whole(board, point, metric))}
    if not scores or max(scores.values()) - min(scores.values()) < SAME:
        return frozenset()
    top = max(scores.values())
    return frozenset(point for point, score in scores.items() if point is not None and top - score < SAME)


def whole(board: Board, point: Point | None, metric: Metric) -> Score | None:
    """The score of a point of which every planned cell is finished."""
    score = board.score(point, metric)
    return score if score is not None and score.whole else None


def line(board: Board, table: str, entry: Entry, metric: Metric) -> dict[str, Any]:
    """A number with its interval, and what the paper prints for it; scores as shares."""
    point, score = entry.point, board.score(entry.point, metric)
    papers = published().number(board, table, point, metric)
    of_point = {} if point is None else {**point.family._asdict(), "percent": point.percent}
    values: dict[str, Any] = {"row": entry.name, **of_point, "metric": metric}
    if score is not None:
        values |= {"mean": score.mean, "low": score.low, "high": score.high, "pooled": score.pooled}
        values |= {"cells": score.cells, "planned": score.planned}
    if papers is not None:
        values |= {"published": papers, "tolerance": published().tolerance / 100}
        if score is not None:
            difference = score.mean - papers
            within = not published().outside(score.mean, papers)
            values |= {"difference_to_published": difference, "within_tolerance": within}
    return values


def lines(board: Board, table: str, entries: Iterable[Entry]) -> pd.DataFrame:
    """One line per entry and metric."""
    return pd.DataFrame([line(board, table, entry, metric) for entry in entries for metric in METRICS])


def score_notes(board: Board, points: Sequence[Point | None]) -> tuple[str, ...]:
    """Sentences on what the numbers are and what their star means, for the points of a table."""
    kind = (
        "In percent, pooled over all test utterances, mean over seeds: every fold has one speaker."
        if board.pooled_leads
        else "In percent, mean over folds of the mean over seeds."
    )
    scores = [score for point in points if (score := board.score(point, "ua")) is not None]
    gaps = any(not score.whole for score in scores)
    return (kind, *(f"{INCOMPLETE} cells are missing." for _ in range(gaps)))


def published_note(any_number: bool) -> tuple[str, ...]:
    """What stands in the paper's columns, if there are any."""
    if not any_number:
        return ()
    return (
        f"Paper: {published().source}, printed without a spread; {OUTSIDE} this study's mean is more than "
        f"{published().tolerance:g} points away.",
    )


def missing_note(what: Sequence[str]) -> tuple[str, ...]:
    """What of the paper's table a study does not have."""
    return (f"Not in this study: {', '.join(what)}.",) if what else ()
