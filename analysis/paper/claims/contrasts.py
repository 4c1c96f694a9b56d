"""Claims about scores, as questions: contrasts in an axis, the best of many, baselines, saturation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from analysis.curves import area
from analysis.families import AXES, Family, label, percent_text, varying
from analysis.paper.board import ALL, Board, Point
from analysis.paper.claims.declared import (
    At,
    AxisContrast,
    BaselineContrast,
    BestContrast,
    PaperClaim,
    SaturationContrast,
)
from analysis.paper.claims.questions import Member, Question, below
from analysis.paper.rivals import is_after, rivals
from analysis.significance import Evidence


def of_axis(board: Board, claim: PaperClaim, contrast: AxisContrast, smallest: float) -> Iterator[Question]:
    """One question for each combination of the other axes; of those, AFTER's values where there are such."""
    hidden = (contrast.axis, *contrast.over)
    pairs = [
        (family, other)
        for family in board.preferred(board.active(contrast.where), hidden)
        if getattr(family, contrast.axis) == contrast.candidate
        and (other := family._replace(**{contrast.axis: contrast.reference})) in board.families
    ]
    grouped: dict[Family, list[tuple[Family, Family]]] = {}
    for pair in pairs:
        grouped.setdefault(pair[0]._replace(**dict.fromkeys(contrast.over, "")), []).append(pair)
    for place, of_place in grouped.items():
        members = [
            member
            for one, other in of_place
            for member in _members(board, one, other, contrast.at, smallest, _named(one, contrast.over))
        ]
        yield _question(claim, where(board, place, hidden), members)


def of_best(board: Board, claim: PaperClaim, contrast: BestContrast, smallest: float) -> Iterator[Question]:
    """One question for each family with the values that has others beside it."""
    axes = tuple(contrast.values)
    for family in board.preferred(board.active(contrast.values), axes):
        others = [
            other
            for other in board.active(contrast.among)
            if other != family and other._replace(**contrast.values) == family
        ]
        members = [
            member
            for other in others
            for member in _members(
                board, family, other, contrast.at, smallest, f"against {_named(other, axes)}"
            )
        ]
        if others:
            yield _question(claim, where(board, family, axes), members)


def of_baselines(
    board: Board, claim: PaperClaim, contrast: BaselineContrast, smallest: float
) -> Iterator[Question]:
    """One question for each row of AFTER and corpus."""
    for corpus in board.corpora:
        found = rivals(board, corpus)
        for candidate in found.candidates:
            point = candidate.point
            if point is None or not is_after(board, point.family):
                continue
            members = [
                Member(f"against {other.name}", board.evidence(point, other.point, contrast.metric), smallest)
                for other in found.against(candidate)
                if other.point is not None
            ]
            yield _question(claim, f"{candidate.name}, {corpus}", members, "baselines with all labels")


def of_saturation(board: Board, claim: PaperClaim, contrast: SaturationContrast) -> Iterator[Question]:
    """One question for each curve with the values that has both ratios."""
    for family in board.preferred(board.active(contrast.values), tuple(contrast.values)):
        few, full = Point(family, contrast.percent), Point(family, ALL)
        if not {few.percent, full.percent} <= set(board.percents(family)):
            continue
        found = board.evidence(full, few)
        gain = found.differences
        kept = found if gain is None else Evidence(contrast.margin - gain, found.test_over_train)
        name = f"from {percent_text(few.percent)} to {percent_text(full.percent)}"
        member = Member(name, kept, 0.0, below(contrast.margin))
        yield _question(claim, where(board, family, tuple(contrast.values)), [member])


def where(board: Board, family: Family, hidden: Sequence[str]) -> str:
    """A family by the axes that tell it from others of its study, those that a claim is about left out."""
    axes = [axis for axis in varying(board.results.cells) if axis not in hidden]
    shown = [axis for axis in AXES if axis in axes or axis in ("corpus", "method")]
    return label(family, shown)


def _question(
    claim: PaperClaim, place: str, members: Sequence[Member], what: str = "ratios at which the two differ"
) -> Question:
    return Question(claim, place, tuple(members), "" if members else f"no {what}")


def _named(family: Family, axes: Sequence[str]) -> str:
    return label(family, list(axes)) if axes else ""


def _members(
    board: Board, one: Family, other: Family, at: At, smallest: float, name: str
) -> Iterator[Member]:
    ratios = [percent for percent in board.percents(one) if percent in board.percents(other)]
    if at == "area":
        if ratios:
            yield Member(name or "area", _area(board, one, other, ratios), smallest)
        return
    for ratio in ratios:
        left, right = Point(one, ratio), Point(other, ratio)
        if board.same_runs(left, right):
            continue
        evidence = board.evidence(left, right)
        if not _settled(board, left, evidence):
            yield Member(", ".join(filter(None, (name, percent_text(ratio)))), evidence, smallest)


def _area(board: Board, one: Family, other: Family, ratios: Sequence[float]) -> Evidence:
    """Differences of areas, which are areas of differences; of a single ratio, its differences."""
    found = [board.evidence(Point(one, ratio), Point(other, ratio)) for ratio in ratios]
    refused = next((evidence for evidence in found if evidence.differences is None), None)
    if refused is not None:
        return refused
    if len(ratios) == 1:
        return found[0]
    grid = np.stack([evidence.differences for evidence in found if evidence.differences is not None], axis=-1)
    areas = [[area(ratios, scores.tolist(), "log2") for scores in of_seed] for of_seed in grid]
    return Evidence(np.array(areas), float(np.mean([evidence.test_over_train for evidence in found])))


def _settled(board: Board, point: Point, evidence: Evidence) -> bool:
    """Whether everything is labelled and nothing differs: no other result was possible."""
    if evidence.differences is None or np.any(evidence.differences):
        return False
    cells = board.cells(point)
    return bool((cells["labelled"] >= cells["train"]).all())
