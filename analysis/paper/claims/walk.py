"""The walk through the paper's claims: each asked of a study and answered with the numbers it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from analysis._rendering import NOTHING, Cell, Table, to_markdown
from analysis.families import NEUTRAL, of_single_votes
from analysis.paper.board import Board
from analysis.paper.claims.contrasts import of_axis, of_baselines, of_best, of_saturation
from analysis.paper.claims.declared import (
    AxisContrast,
    BaselineContrast,
    BestContrast,
    Claims,
    LinearTime,
    NoiseContrast,
    PaperClaim,
    SaturationContrast,
    StabilityContrast,
    TimeShare,
    declared,
)
from analysis.paper.claims.noise import of_noise
from analysis.paper.claims.questions import Question
from analysis.paper.claims.stability import of_stability
from analysis.paper.claims.timing import of_linear_time, of_time_share
from analysis.paper.claims.verdicts import Verdict, judge, p_in_words

NOWHERE = "this study"
_NO_WEIGHTS = "no pretrained weights"
_FLIPPED = (
    "flips are drawn independently of the utterance, so every strategy is told as many wrong labels in "
    "expectation"
)


def walk(board: Board, claims: Claims | None = None) -> list[Verdict]:
    """The verdicts of a study on the paper's claims, in the order of the file.

    A claim has one verdict for each part of the study that can answer it (a corpus, a classifier, ...), or a
    single one, not testable here, with its reason. On axes that a claim is not about, it is asked of AFTER's
    own values (adapted, with its initialization) where the study has them.

    Args:
        board: the study; a question with cells missing is not testable.
        claims: by default those of `analysis/claims.yaml`.
    """
    claims = claims or declared()
    questions = [question for claim in claims.claims for question in _asked(board, claim, claims.smallest)]
    return judge(questions)


def walk_table(verdicts: Sequence[Verdict]) -> Table:
    """The verdicts for people: one row each."""
    rows = tuple(
        (
            Cell(verdict.claim.sentence),
            Cell(verdict.claim.source),
            Cell(verdict.where),
            Cell(verdict.said, bold=verdict.answer in ("confirmed", "not confirmed")),
            Cell(NOTHING if verdict.answer == "not testable here" else verdict.reason),
            Cell(p_in_words(verdict) or NOTHING),
        )
        for verdict in verdicts
    )
    note = (
        "Confirmed: every comparison of a claim is ahead, the crossed folds × seeds test and Nadeau-Bengio "
        "on fold means both below .05, Holm over the questions of the claim's family. Not confirmed: for one "
        "of them nothing differs, or both intervals exclude what would matter, at 95 % for all comparisons "
        "of the claim together (Bonferroni). Cannot tell: neither. For Figure 2 areas under the curves are "
        "compared, over the logarithm of the share, in points of UA. Intervals in brackets: 95 % each, not "
        "corrected."
    )
    columns = ("claim", "in the paper", "where", "answer", "numbers", "p (Holm)")
    return Table("The paper's claims", columns, rows, note)


def walk_frame(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One line per verdict and comparison, with every number, for CSV."""
    return pd.DataFrame([line for verdict in verdicts for line in _lines(verdict)])


def walk_files(verdicts: Sequence[Verdict]) -> dict[str, str]:
    """Names and contents of the walk's files: `paper/claims.csv` and `.md`."""
    return {
        "paper/claims.csv": walk_frame(verdicts).to_csv(index=False, lineterminator="\n"),
        "paper/claims.md": to_markdown([walk_table(verdicts)]),
    }


def answers(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """How many verdicts there are of each answer."""
    counts = dict.fromkeys(("confirmed", "not confirmed", "cannot tell", "not testable here"), 0)
    for verdict in verdicts:
        counts[verdict.answer] += 1
    return counts


def _asked(board: Board, claim: PaperClaim, smallest: float) -> Iterator[Question]:
    """A claim's questions; one that cannot be asked where there are none."""
    if claim.weights == "pretrained" and board.study.weights_are != "pretrained":
        yield Question(claim, NOWHERE, reason=_NO_WEIGHTS)
        return
    found = list(_questions(board, claim, smallest))
    yield from found or [Question(claim, NOWHERE, reason=_absent(board, claim))]


def _questions(board: Board, claim: PaperClaim, smallest: float) -> Iterator[Question]:
    contrast = claim.contrast
    if isinstance(contrast, AxisContrast):
        yield from of_axis(board, claim, contrast, smallest)
    elif isinstance(contrast, BestContrast):
        yield from of_best(board, claim, contrast, smallest)
    elif isinstance(contrast, BaselineContrast):
        yield from of_baselines(board, claim, contrast, smallest)
    elif isinstance(contrast, SaturationContrast):
        yield from of_saturation(board, claim, contrast)
    elif isinstance(contrast, StabilityContrast):
        yield from of_stability(board, claim, contrast)
    elif isinstance(contrast, LinearTime):
        yield from of_linear_time(board, claim, contrast)
    elif isinstance(contrast, TimeShare):
        yield from of_time_share(board, claim, contrast)
    elif isinstance(contrast, NoiseContrast):
        yield from of_noise(board, claim, contrast, smallest)


def _noisy(board: Board) -> bool:
    return any(family.label_noise != NEUTRAL["label_noise"] for family in board.families)


def _absent(board: Board, claim: PaperClaim) -> str:
    """What a study lacks that has no question for a claim."""
    contrast = claim.contrast
    if isinstance(contrast, NoiseContrast) and not any(map(of_single_votes, board.families)):
        return _FLIPPED if _noisy(board) else "the study has no annotation by single votes"
    if isinstance(contrast, AxisContrast | StabilityContrast | NoiseContrast):
        pair = f"{contrast.axis} {contrast.candidate} beside {contrast.reference}"
        at = "" if isinstance(contrast, AxisContrast) else f" at {contrast.percent:g} %"
        under = " with an annotation by single votes" if isinstance(contrast, NoiseContrast) else ""
        return f"the study has no {pair}{at}{under}"
    if isinstance(contrast, BaselineContrast):
        return "the study has no AFTER (TAPT, its strategy and its initialization)"
    values = " with ".join(f"{axis} {value}" for axis, value in contrast.values.items())
    if isinstance(contrast, BestContrast):
        return f"the study has no {values}, or nothing beside it"
    if isinstance(contrast, LinearTime):
        return f"the study has no {values}"
    full = " and at 100 %" if isinstance(contrast, SaturationContrast) else ""
    return f"the study has no {values} at {contrast.percent:g} %{full}"


def _lines(verdict: Verdict) -> Iterator[dict[str, Any]]:
    claim = verdict.claim
    whole = {
        "claim": claim.id,
        "experiment": claim.experiment,
        "source": claim.source,
        "sentence": claim.sentence,
        "estimand": claim.estimand,
        "test": claim.test,
        "family": claim.family,
        "family_size": verdict.family_size,
        "where": verdict.where,
        "scope": claim.scope,
        "answer": verdict.answer,
        "reason": verdict.reason,
        "coverage": verdict.coverage,
        **{f"p_holm {name}": p for name, p in (verdict.p or {}).items()},
    }
    if not verdict.numbers:
        yield whole
    for number in verdict.numbers:
        yield {
            **whole,
            "comparison": number.label,
            "estimate": number.estimate,
            "low": number.low,
            "high": number.high,
            **{f"p {name}": p for name, p in number.p.items()},
            "detectable": number.detectable,
            "refuted": number.refuted,
        }
