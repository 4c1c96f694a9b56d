"""Claims about scores, as questions: contrasts in an axis, the best of many, baselines, saturation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.comparisons import settled
from analysis.curves import areas_of
from analysis.families import AXES, Family, label, percent_text, varying
from analysis.paper.board import ALL, Board, Point
from analysis.paper.claims.coverage import in_words, lacking_of_axis, lacking_of_best, lacking_shares
from analysis.paper.claims.declared import (
    At,
    AxisContrast,
    BaselineContrast,
    BestContrast,
    PaperClaim,
    SaturationContrast,
)
from analysis.paper.claims.questions import Member, Question, below, refused
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
        named = {_named(one, contrast.over): (one, other) for one, other in of_place}
        lacking = lacking_of_axis(contrast, [one for one, _ in of_place])
        yield _asked(board, claim, where(board, place, hidden), _Asked(named, contrast.at, smallest, lacking))


def of_best(board: Board, claim: PaperClaim, contrast: BestContrast, smallest: float) -> Iterator[Question]:
    """One question for each family with the values that has others beside it."""
    axes = tuple(contrast.values)
    for family in board.preferred(board.active(contrast.values), axes):
        others = [
            other
            for other in board.active(contrast.among)
            if other != family and other._replace(**contrast.values) == family
        ]
        if others:
            named = {f"against {_named(other, axes)}": (family, other) for other in others}
            lacking = lacking_of_best(contrast, family, others)
            yield _asked(
                board, claim, where(board, family, axes), _Asked(named, contrast.at, smallest, lacking)
            )


def of_baselines(
    board: Board, claim: PaperClaim, contrast: BaselineContrast, smallest: float
) -> Iterator[Question]:
    """One question for each row of AFTER and corpus, also for what validation chooses where that is shown."""
    for corpus in board.corpora:
        found = rivals(board, corpus)
        fixed = [one for one in found.candidates if one.point and is_after(board, one.point.family)]
        for candidate in (*fixed, *(one for one in found.chosen if one.point and one.point.trained.adapted)):
            point = candidate.point
            assert point is not None
            members = tuple(
                Member(f"against {other.name}", board.evidence(point, other.point, contrast.metric), smallest)
                for other in found.against(candidate)
                if other.point is not None
            )
            reason = "" if members else "no baselines with all labels"
            yield Question(claim, f"{candidate.name}, {corpus}", members, reason)
        for name, settings, reason in found.unchosen:
            place = f"{name}, {corpus}"
            # What was meant to be asked counts in its family; a single setting leaves nothing to ask.
            yield refused(claim, place, reason) if settings > 1 else Question(claim, place, reason=reason)


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
        yield Question(claim, where(board, family, tuple(contrast.values)), (member,))


def where(board: Board, family: Family, hidden: Sequence[str]) -> str:
    """A family by the axes that tell it from others of its study, those that a claim is about left out."""
    axes = [axis for axis in varying(board.results.cells) if axis not in hidden]
    shown = [axis for axis in AXES if axis in axes or axis in ("corpus", "method")]
    return label(family, shown)


@dataclass(frozen=True)
class _Asked:
    """The pairs of families that a claim compares in one place, by name, and what is `lacking` there."""

    pairs: Mapping[str, tuple[Family, Family]]
    at: At
    smallest: float
    lacking: Sequence[str]


def _asked(board: Board, claim: PaperClaim, place: str, asked: _Asked) -> Question:
    """A question with a member for each pair, or for each pair and ratio; none where it lacks any."""
    found = {name: _by_ratio(board, *pair, asked.at) for name, pair in asked.pairs.items()}
    lacking = [*asked.lacking, *lacking_shares(found)]
    if lacking:
        return Question(claim, place, reason=f"lacks {'; '.join(lacking)}")
    members = tuple(
        Member(title, evidence, asked.smallest)
        for name, at in found.items()
        for title, evidence in _compared(name, at, asked.at)
    )
    return Question(claim, place, members, coverage=in_words(found))


def _named(family: Family, axes: Sequence[str]) -> str:
    return label(family, list(axes)) if axes else ""


def _by_ratio(board: Board, one: Family, other: Family, at: At) -> dict[float, Evidence]:
    """The evidence at the ratios of both; of every ratio, only those at which they can differ."""
    points = {
        percent: (Point(one, percent), Point(other, percent))
        for percent in board.percents(one)
        if percent in board.percents(other)
    }
    if at == "area":
        return {percent: board.evidence(*pair) for percent, pair in points.items()}
    found = {p: board.evidence(*pair) for p, pair in points.items() if not board.same_runs(*pair)}
    return {p: each for p, each in found.items() if not settled(board.cells(points[p][0]), each)}


def _compared(name: str, found: Mapping[float, Evidence], at: At) -> Iterator[tuple[str, Evidence]]:
    if at == "area":
        yield name or "area", _area(found)
        return
    for percent, evidence in found.items():
        yield ", ".join(filter(None, (name, percent_text(percent)))), evidence


def _area(found: Mapping[float, Evidence]) -> Evidence:
    """Differences of areas, which are areas of differences."""
    refused = next((evidence for evidence in found.values() if evidence.differences is None), None)
    if refused is not None:
        return refused
    grid = np.stack([each.differences for each in found.values() if each.differences is not None], axis=-1)
    ratio = float(np.mean([evidence.test_over_train for evidence in found.values()]))
    return Evidence(areas_of(list(found), grid, "log2"), ratio)
