"""What a reader must know before the first number: the box that opens a report, and its warnings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from after_ray.wording import counted
from analysis._rendering import NOTHING, percent
from analysis.comparisons import Comparison
from analysis.families import cells_of, families, label, percent_text, varying
from analysis.report.copies import copy_in_words, copy_warnings
from analysis.report.repeats import repeated_seeds
from analysis.results import Results
from analysis.study import CorpusInfo, StudyInfo, Weights

_INDEX = re.compile(r"\bindex ((?:\d+, )*\d+)")  # a classifier knows its classes by number only
SHARE_TOLERANCE = 1.0  # percent points; rounding to whole utterances stays below it but in tiny corpora

_SCOPE: dict[Weights, str] = {
    "random": (
        "Claims about strategy and initialization hold for these classifiers on these corpora. Claims about "
        "TAPT, about AFTER against baselines and about time are not testable here (no pretrained weights)."
    ),
    "pretrained": "Claims hold for these classifiers, this backbone and these corpora.",
    "none": "Claims about strategy and initialization hold for these classifiers on these corpora.",
}
_WEIGHTS: dict[Weights, str] = {
    "random": "random (backbone not pretrained)",
    "pretrained": "pretrained backbone",
    "none": "no backbone",
}


@dataclass(frozen=True)
class CorpusFacts:
    """One corpus in the box; texts, because folds differ and give ranges."""

    name: str
    classes: str
    train: str
    validation: str
    test: str
    shared_sentences: str
    copy: str
    folds: str
    validation_draw: str


@dataclass(frozen=True)
class Facts:
    """The box: what was trained and tested on, how often, and which difference could be seen at all."""

    corpora: tuple[CorpusFacts, ...]
    protocol: str
    folds: str
    seeds: str
    weights: str
    detectable: str
    scope: str


def facts(results: Results, study: StudyInfo, comparisons: Sequence[Comparison]) -> Facts:
    """Gather the box from the results and from what the study knows about its corpora."""
    frame = results.frame
    corpora = tuple(
        _corpus(str(name), cells, study.corpus(str(name)))
        for name, cells in frame.groupby("corpus", sort=False)
    )
    folds = [cells["fold"].nunique() for _, cells in frame.groupby("corpus")]
    return Facts(
        corpora,
        study.protocol,
        _range(folds),
        str(frame["seed"].nunique()),
        "; ".join(study.made_here) or _WEIGHTS[study.weights_are],
        _detectable(comparisons),
        _SCOPE[study.weights_are],
    )


def warnings(results: Results, study: StudyInfo, comparisons: Sequence[Comparison] = ()) -> list[str]:
    """Sentences about what weakens the results, the gravest first."""
    frame = results.frame
    return [
        *copy_warnings(frame, study),
        *(f"{info.left_out}." for info in study.corpora.values() if info.left_out),
        *_optimistic(frame, study),
        *_other_shares(frame),
        *_collapses(frame),
        *repeated_seeds(frame),
        *_mixed(frame),
        *_unlike(comparisons),
        *_uncharged(frame),
        *_of_records(frame),
        *([results.note] if results.note else []),
        *(f"{clause[:1].upper()}{clause[1:]}." for clause in study.drift),
        *_failures(results),
    ]


def _corpus(name: str, cells: pd.DataFrame, info: CorpusInfo) -> CorpusFacts:
    def counted(part: str) -> str:
        return _range(cells[part].dropna().astype(int))

    return CorpusFacts(
        name,
        classes=", ".join(cells["classes"].iloc[0]),
        train=info.train or counted("train"),
        validation=info.validation or counted("validation"),
        test=info.test or counted("test"),
        shared_sentences=info.shared_sentences,
        copy=copy_in_words(cells, info.copy),
        folds=info.folds,
        validation_draw=info.validation_draw,
    )


def _range(values: Sequence[int] | pd.Series) -> str:
    if len(values) == 0:
        return NOTHING
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}–{high}"


def _detectable(comparisons: Sequence[Comparison]) -> str:
    bars = [c.claim.detectable for c in comparisons if c.claim.detectable is not None]
    if not bars:
        return "none could be computed: no comparison was tested"
    metrics = " and ".join(sorted({c.contrasts.metric.replace("_", " ").upper() for c in comparisons}))
    return (
        f"{percent(float(np.median(bars)))} points of {metrics} (median of {len(bars)} comparisons, "
        f"{percent(min(bars))} to {percent(max(bars))}; 80 % power in both tests, uncorrected)"
    )


def _optimistic(frame: pd.DataFrame, study: StudyInfo) -> list[str]:
    """Corpora with speakers who are trained on, or by whom weights were chosen, and who are tested too."""
    sentences = []
    for name in frame["corpus"].unique():
        info = study.corpus(name)
        if info.test_shares_speakers:
            sentences.append(
                f"Folds of {name} are dealt by utterance, so that speakers of test are trained on: results "
                "are optimistic, and not to be compared with speaker-independent ones."
            )
        elif info.validation_shares_speakers:
            sentences.append(
                f"Validation of {name} shares speakers with test: results are optimistic, not "
                "speaker-independent model selection."
            )
    return sentences


def _other_shares(frame: pd.DataFrame) -> list[str]:
    """Rounds that have labelled another share of train than the percent they are reported at."""
    share = 100 * frame["labelled"] / frame["train"]
    unlike = frame.assign(share=share)[(share - frame["percent"]).abs() > SHARE_TOLERANCE]
    sentences = []
    for (corpus, _), cells in unlike.groupby(["corpus", "percent"]):
        labelled, train = (_range(cells[column].astype(int)) for column in ("labelled", "train"))
        sentences.append(
            f"{corpus} at {percent_text(float(cells['percent'].iloc[0]))}: {labelled} of {train} utterances "
            f"are labelled, {cells['share'].mean():.1f} %; what is reported at this percent, areas under "
            "curves included, is of that share."
        )
    return sentences


def _collapses(frame: pd.DataFrame) -> list[str]:
    """Models that say one class for every test utterance."""
    collapsed = frame[frame["collapsed"]]
    axes, sentences = varying(frame), []
    for family in families(collapsed):
        cells = cells_of(collapsed, family)
        ratios = ", ".join(
            f"{count} at {percent_text(float(ratio))}"  # type: ignore[arg-type]
            for ratio, count in cells.groupby("percent").size().items()
        )
        sentences.append(
            f"{label(family, axes)}: the model says one class for everything in {len(cells)} cells "
            f"({ratios}), so its UA is chance."
        )
    return sentences


def _mixed(frame: pd.DataFrame) -> list[str]:
    """Results of unlike machines or thread counts in one comparison."""
    sentences = []
    for column, words in (("device_name", "devices"), ("threads", "thread counts")):
        values = sorted(map(str, frame[column].dropna().unique()))
        if len(values) > 1:
            sentences.append(
                f"Cells come from different {words} ({', '.join(values)}): equal bits are not promised "
                "between them, and their times are not comparable."
            )
    return sentences


def _unlike(comparisons: Sequence[Comparison]) -> list[str]:
    """How many comparisons hold pairs whose two sides were computed on unlike devices."""
    found = [one.devices for one in comparisons if one.devices.pairs]
    if not found:
        return []
    worst = max(found, key=lambda one: one.pairs / one.of)
    return [
        f"{len(found)} of {counted(len(comparisons), 'comparison')} "
        f"{'holds' if len(found) == 1 else 'hold'} pairs of the same fold and seed that were computed on "
        f"unlike devices (at most {worst.pairs} of {worst.of} pairs of one), which alone can change "
        "rankings: the tables of comparisons name them; resources.gpu_model keeps a study to one model."
    ]


def _uncharged(frame: pd.DataFrame) -> list[str]:
    unknown = int(frame["charged_seconds"].isna().sum())
    if not unknown:
        return []
    return [f"Charged time is unknown for {unknown} cells: a stage of their chain has no record any more."]


def _of_records(frame: pd.DataFrame) -> list[str]:
    """What trainings said, with classes by their names."""
    said: Counter[str] = Counter()
    for texts, names in zip(frame["warnings"], frame["classes"], strict=True):
        for text in texts if isinstance(texts, list) else ():
            said[_INDEX.sub(partial(_named, names), text)] += 1
    return [f"{text.removesuffix('.')} ({counted(count, 'cell')})." for text, count in said.most_common()]


def _named(names: Sequence[str], found: re.Match[str]) -> str:
    return ", ".join(names[int(index)] for index in found.group(1).split(", "))


def _failures(results: Results) -> list[str]:
    if results.missing.empty:
        return []
    sentences = results.missing["failure"]
    counted = sentences[sentences != ""].value_counts()
    return [f"Failed ({count} cells): {sentence}" for sentence, count in counted.items()]
