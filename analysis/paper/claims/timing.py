"""Claims about time, as questions: only of trials that had their device for themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AmbiguousSelection, EmptySelection, RaggedTable
from analysis.families import Family, percent_text
from analysis.paper.board import ALL, Board, Point
from analysis.paper.claims.contrasts import where
from analysis.paper.claims.declared import LinearTime, PaperClaim, TimeShare
from analysis.paper.claims.questions import Member, Question, Scale, above, log_ratio, refused
from analysis.significance import Evidence, paired_scores

_FEWEST = 3  # ratios: two always lie on a line
_DISTURBED = "trials shared their device or were resumed, so that their times are no benchmark"


def of_linear_time(board: Board, claim: PaperClaim, contrast: LinearTime) -> Iterator[Question]:
    """One question for each curve with the values."""
    for family in board.preferred(board.active(contrast.values), tuple(contrast.values)):
        place = where(board, family, tuple(contrast.values))
        ratios = [percent for percent in board.percents(family) if percent <= contrast.up_to]
        if len(ratios) < _FEWEST:
            yield Question(claim, place, reason=f"needs {_FEWEST} ratios up to {contrast.up_to:g} %")
            continue
        points = [Point(family, ratio) for ratio in ratios]
        seconds = _seconds(board, points)
        if isinstance(seconds, str):
            yield refused(claim, place, seconds)
            continue
        tested = explained_by_line(np.asarray(ratios), seconds) - contrast.explained
        yield _question(board, claim, place, points[0], "share explained", tested, above(contrast.explained))


def of_time_share(board: Board, claim: PaperClaim, contrast: TimeShare) -> Iterator[Question]:
    """One question for each curve with the values and the ratio."""
    for family in board.preferred(board.active(contrast.values), tuple(contrast.values)):
        if contrast.percent not in board.percents(family):
            continue
        place = where(board, family, tuple(contrast.values))
        few, full = Point(family, contrast.percent), _full(board, family, contrast)
        if full is None:
            what = "single training on all labels" if contrast.against == "single_shot" else "cells at 100 %"
            yield Question(claim, place, reason=f"the study has no {what}")
            continue
        seconds = _seconds(board, [few, full])
        if isinstance(seconds, str):
            yield refused(claim, place, seconds)
            continue
        tested = math.log(contrast.at_most) - np.log(seconds[..., 0] / seconds[..., 1])
        name = f"{percent_text(few.percent)} over {percent_text(full.percent)}"
        yield _question(board, claim, place, few, name, tested, log_ratio(contrast.at_most))


def explained_by_line(ratios: NDArray[np.float64], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """R2 of the straight line through each row of seconds, shape (..., ratios) to (...)."""
    x = ratios - ratios.mean()
    y = seconds - seconds.mean(axis=-1, keepdims=True)
    total = (y**2).sum(axis=-1)
    return np.asarray((y @ x) ** 2 / ((x**2).sum() * np.where(total > 0, total, 1.0)))


def _question(
    board: Board,
    claim: PaperClaim,
    place: str,
    point: Point,
    name: str,
    tested: NDArray[np.float64],
    scale: Scale,
) -> Question:
    evidence = Evidence(tested, board.test_over_train(point))
    return Question(claim, place, (Member(name, evidence, 0.0, scale),))


def _full(board: Board, family: Family, contrast: TimeShare) -> Point | None:
    if contrast.against == "single_shot":
        full = board.full(Point(family, ALL).trained)
        return full if full is not None and full.single_shot else None
    return Point(family, ALL) if ALL in board.percents(family) else None


def _seconds(board: Board, points: list[Point]) -> NDArray[np.float64] | str:
    """Charged seconds of shape (seeds, folds, points), paired by seed and fold, or why there are none."""
    if any(board.missing(point) for point in points):
        return f"planned cells are missing: {sum(map(board.missing, points))}"
    if not all(board.cells(point)["undisturbed"].all() for point in points):
        return _DISTURBED
    try:
        columns = [_paired(board, points[0], point) for point in points]
    except (EmptySelection, AmbiguousSelection, RaggedTable) as error:
        return str(error)
    return np.stack(columns, axis=-1)


def _paired(board: Board, first: Point, point: Point) -> NDArray[np.float64]:
    return paired_scores(board.both(first, point), first.selection, point.selection, "charged_seconds")[1]
