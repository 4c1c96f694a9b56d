"""Claims about noisy utterances: how many acquired labels are wrong, where annotators disagree."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.families import Family, label, of_single_votes, percent_text
from analysis.paper.board import Board, Point
from analysis.paper.claims.contrasts import where
from analysis.paper.claims.declared import NoiseContrast, PaperClaim
from analysis.paper.claims.questions import Member, Question, below
from analysis.significance import Evidence

SHARE = "wrong_acquired"
ANNOTATION = "annotation"


def of_noise(board: Board, claim: PaperClaim, contrast: NoiseContrast, smallest: float) -> Iterator[Question]:
    """One question for each combination of the other axes, with a member for each annotation that is asked.

    Asked where single votes are told: what is wrong then depends on the utterance, since annotators disagree
    more about some. Flips by label noise do not, so that studies without noise are preferred.
    """
    hidden = (contrast.axis, ANNOTATION)
    grouped: dict[Family, list[tuple[Family, Family]]] = {}
    asked = [one for one in board.active({contrast.axis: contrast.candidate}) if of_single_votes(one)]
    for family in board.preferred(asked, hidden):
        other = family._replace(**{contrast.axis: contrast.reference})
        if other in board.families and contrast.percent in board.percents(family):
            grouped.setdefault(family._replace(annotation=""), []).append((family, other))
    for place, pairs in grouped.items():
        members = tuple(_member(board, contrast, smallest, *pair) for pair in pairs)
        yield Question(claim, where(board, place, hidden), members)


def _member(board: Board, contrast: NoiseContrast, smallest: float, family: Family, other: Family) -> Member:
    """The reference's share of wrong labels minus the candidate's, by fold and seed."""
    one, against = Point(family, contrast.percent), Point(other, contrast.percent)
    name = f"{label(family, [ANNOTATION])}, at {percent_text(contrast.percent)}"
    return Member(name, _fewer_wrong(board, one, against), smallest, below(0.0))


def _fewer_wrong(board: Board, one: Point, other: Point) -> Evidence:
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
