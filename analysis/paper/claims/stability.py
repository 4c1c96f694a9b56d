"""Claims about stability: how much results vary from seed to seed, fold by fold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AmbiguousSelection, EmptySelection, RaggedTable
from analysis.families import percent_text
from analysis.paper.board import Board, Point
from analysis.paper.claims.contrasts import where
from analysis.paper.claims.declared import PaperClaim, StabilityContrast
from analysis.paper.claims.questions import Member, Question, log_ratio, refused
from analysis.significance import Evidence, paired_scores
from analysis.significance.outcome import NOTHING

FEWEST_SEEDS = 3


def of_stability(board: Board, claim: PaperClaim, contrast: StabilityContrast) -> Iterator[Question]:
    """One question for each combination of the other axes that has the ratio."""
    for family in board.preferred(board.active({contrast.axis: contrast.candidate}), (contrast.axis,)):
        other = family._replace(**{contrast.axis: contrast.reference})
        one, against = Point(family, contrast.percent), Point(other, contrast.percent)
        if other not in board.families or contrast.percent not in board.percents(family):
            continue
        place = where(board, family, (contrast.axis,))
        ratios = _log_ratios(board, one, against)
        if isinstance(ratios, str):
            yield refused(claim, place, ratios)
            continue
        evidence = Evidence(ratios, board.test_over_train(one))
        name = f"variance over seeds at {percent_text(contrast.percent)}"
        yield Question(claim, place, (Member(name, evidence, 0.0, log_ratio(1.0), "folds"),))


def _log_ratios(board: Board, one: Point, other: Point) -> NDArray[np.float64] | str:
    """Logarithm of the reference's variance over the candidate's, shape (1, folds), or why there is none."""
    absent = board.missing(one) + board.missing(other)
    if absent:
        return f"planned cells are missing: {absent}"
    try:
        candidate, reference = paired_scores(board.both(one, other), one.selection, other.selection)
    except (EmptySelection, AmbiguousSelection, RaggedTable) as error:
        return str(error)
    if len(candidate) < FEWEST_SEEDS:
        return f"a variance over seeds needs {FEWEST_SEEDS} of them, has {len(candidate)}"
    variances = [scores.var(axis=0, ddof=1) for scores in (reference, candidate)]
    if min(variance.min() for variance in variances) < NOTHING**2:
        return "all seeds agree on a fold, so that there is no ratio of variances"
    return np.asarray(np.log(variances[0] / variances[1]))[np.newaxis]
