"""What a study found, in three sentences: what was done, what came out, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import pandas as pd

from after_ray.wording import counted
from analysis._rendering import listed, percent, points
from analysis.comparisons import Comparison
from analysis.families import AXES, Family, label, percent_text, varying
from analysis.results import Results
from analysis.study import StudyInfo

SHOWN = 4  # names in one enumeration
_PLURALS = {
    "strategy": ("strategy", "strategies"),
    "initialization": ("initialization", "initializations"),
    "adaptation": ("adaptation", "adaptations"),
    "method": ("classifier", "classifiers"),
    "annotation": ("annotation", "annotations"),
    "label_noise": ("share of flipped labels", "shares of flipped labels"),
}
_WEIGHTS = {
    "random": " with a backbone of random weights",
    "pretrained": " with a pretrained backbone",
    "none": "",
}


def summary(
    study: StudyInfo,
    results: Results,
    scores: pd.DataFrame,
    comparisons: Sequence[Comparison],
    flags: int,
    at: float,
    chosen: bool = False,
) -> tuple[str, str, str]:
    """Three sentences.

    Args:
        scores: of every family and ratio (`analysis.tables.score_frame`).
        comparisons: those that were declared, or where none was, all.
        flags: how many warnings the page has.
        at: the ratio to speak of where nothing was compared.
        chosen: whether Table 3 also has what validation chooses.
    """
    return (
        _done(study, results),
        _found(comparisons, varying(results.cells)) or _best(scores, at),
        _worth(study, results, comparisons, flags, chosen),
    )


def _done(study: StudyInfo, results: Results) -> str:
    cells = results.cells
    varied = [_enumerated(axis, cells) for axis in _PLURALS if cells[axis].nunique() > 1]
    what = f"compares {listed(varied)}" if varied else f"follows {cells['strategy'].iloc[0]}"
    corpora = listed([str(name) for name in cells["corpus"].unique()])
    folds = max(of_corpus["fold"].nunique() for _, of_corpus in cells.groupby("corpus"))
    repeats = f"{counted(folds, 'fold')} × {counted(cells['seed'].nunique(), 'seed')}"
    return (
        f"{study.name} {what} on {corpora}{_weights(study)}, over {repeats}; "
        f"{len(results.frame)} of {counted(results.planned, 'cell')} are finished."
    )


def _weights(study: StudyInfo) -> str:
    if study.made_here:
        return " with a backbone that was pre-trained here from random weights"
    return _WEIGHTS[study.weights_are]


def _enumerated(axis: str, cells: pd.DataFrame) -> str:
    names = [str(value) for value in cells[axis].unique()]
    shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return f"{counted(len(names), *_PLURALS[axis])} ({shown})"


def _found(comparisons: Sequence[Comparison], axes: Sequence[str]) -> str:
    """The largest difference that is shown; else the largest there is; empty where nothing was tested."""
    tested = [one for one in comparisons if one.claim.verdict != "not tested"]
    if not tested:
        return ""
    shown = [one for one in tested if one.claim.verdict in ("better", "worse")]
    chosen = max(shown or tested, key=_size)
    kind = "declared comparison" if chosen.contrasts.declared else "exploratory comparison"
    refused = len(comparisons) - len(tested)
    more = f" ({refused} more could not be tested)" if refused else ""
    if all(one.claim.verdict == "identical" for one in tested):
        return f"Results are identical in all of {counted(len(tested), kind)}{more}."
    difference = f"{_in_words(chosen, axes)} ({_interval(chosen)})"
    if not shown:
        return f"None of {counted(len(tested), kind)}{more} shows a difference; the largest is {difference}."
    show = "shows" if len(shown) == 1 else "show"
    return (
        f"{len(shown)} of {counted(len(tested), kind)}{more} {show} a difference after correction, the "
        f"largest of them {difference}."
    )


def _size(comparison: Comparison) -> float:
    assert comparison.claim.crossed is not None
    return abs(comparison.claim.crossed.estimate)


def _in_words(comparison: Comparison, axes: Sequence[str]) -> str:
    assert comparison.claim.crossed is not None
    candidate = label(comparison.candidate, sorted({comparison.axis, *axes}, key=AXES.index))
    return (
        f"{points(comparison.claim.crossed.estimate)} points of {comparison.contrasts.metric.upper()} for "
        f"{candidate} over {getattr(comparison.reference, comparison.axis)} at "
        f"{percent_text(comparison.percent)} of the labels"
    )


def _interval(comparison: Comparison) -> str:
    assert comparison.claim.crossed is not None
    interval = comparison.claim.crossed.interval
    if interval is None:
        return "no interval"
    return f"95 % interval {points(interval[0])} to {points(interval[1])}"


def _best(scores: pd.DataFrame, at: float) -> str:
    here = scores[(scores["percent"] == at) & (scores["cells"] > 0)]
    if here.empty:
        here = scores[scores["cells"] > 0]
    best = here.sort_values("ua_mean").iloc[-1]
    name = label(Family(*(str(best[axis]) for axis in AXES)), varying(scores))
    return (
        f"Nothing was tested against a reference; the highest mean UA at {percent_text(best['percent'])} of "
        f"the labels is {percent(best['ua_mean'])} % ({name})."
    )


def _worth(
    study: StudyInfo, results: Results, comparisons: Sequence[Comparison], flags: int, chosen: bool
) -> str:
    bars = [c.claim.detectable for c in comparisons if c.claim.detectable is not None]
    parts = []
    if bars:
        bar = median(bars)
        parts.append(
            f"a true difference of {percent(bar)} points would have been found with 80 % power (median)"
            if bar < 1
            else "no difference that is possible would have been found with 80 % power (median)"
        )
    if study.weights_are == "random":
        parts.append("claims about adaptation and time are not testable without pretrained weights")
    if not results.complete:
        lacking = len(results.missing)
        parts.append(f"{counted(lacking, 'cell')} of the plan {'is' if lacking == 1 else 'are'} missing")
    if chosen:
        parts.append("Table 3 has the fixed setting and the one that validation chooses")
    asks = f"{counted(flags, 'warning')} below {'asks' if flags == 1 else 'ask'} for care"
    parts.append(asks if flags else "nothing is flagged below")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."
