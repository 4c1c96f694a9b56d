"""Claims about label noise: how many of the labels that were acquired are wrong."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.families import NEUTRAL, Family, label, percent_text
from analysis.paper.board import Board, Point
from analysis.paper.claims.contrasts import where
from analysis.paper.claims.declared import NoiseContrast, PaperClaim
from analysis.paper.claims.questions import Member, Question, below
from analysis.significance import Evidence

SHARE = "flipped_acquired"
NOISE = "label_noise"


def of_noise(board: Board, claim: PaperClaim, contrast: NoiseContrast) -> Iterator[Question]:
    """One question for each combination of the other axes, with a member for each share of label noise."""
    hidden = (contrast.axis, NOISE)
    grouped: dict[Family, list[tuple[Family, Family]]] = {}
    for family in board.preferred(board.active({contrast.axis: contrast.candidate}), hidden):
        other = family._replace(**{contrast.axis: contrast.reference})
        there = family.label_noise != NEUTRAL[NOISE] and other in board.families
        if there and contrast.percent in board.percents(family):
            grouped.setdefault(family._replace(label_noise=""), []).append((family, other))
    for place, pairs in grouped.items():
        members = tuple(_member(board, contrast, *pair) for pair in pairs)
        yield Question(claim, where(board, place, hidden), members)


def _member(board: Board, contrast: NoiseContrast, family: Family, other: Family) -> Member:
    """The reference's share of wrong labels minus the candidate's, by fold and seed."""
    one, against = Point(family, contrast.percent), Point(other, contrast.percent)
    name = f"{label(family, [NOISE])}, at {percent_text(contrast.percent)}"
    return Member(name, _flipped_less(board, one, against), 0.0, below(0.0))


def _flipped_less(board: Board, one: Point, other: Point) -> Evidence:
    """Shares are recorded of every round but the first, which acquires nothing by a strategy."""
    lacking = [
        point
        for point in (one, other)
        if SHARE not in board.cells(point) or board.cells(point)[SHARE].isna().any()
    ]
    finished = not (board.missing(one) + board.missing(other))
    if lacking and finished:
        return Evidence(None, reason=f"nothing is acquired up to {percent_text(one.percent)}")
    return board.evidence(other, one, SHARE)
