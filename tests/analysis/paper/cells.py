"""Studies whose every score is known, as results frames: families of cells and what they score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.paper.board import Board, Choice
from analysis.results import Results
from analysis.study import CorpusInfo, StudyInfo

CLASSES = ["anger", "happy", "neutral", "sad"]
SIX = {
    "iemocap": {"anger": 1103, "happy": 1636, "neutral": 1708, "sad": 1084},
    "emodb": {"anger": 127, "happy": 71, "neutral": 79, "sad": 62},
    "shemo": {"anger": 1058, "happy": 200, "neutral": 1028, "sad": 449},
    "ravdess": {"anger": 192, "happy": 192, "neutral": 96, "sad": 192},
    "emovdb": {"anger": 1160, "neutral": 1628},
    "cremad": {"anger": 1271, "happy": 1271, "neutral": 1087, "sad": 1271},
}
PAPERS = StudyInfo(
    "papers",
    corpora={
        "iemocap": CorpusInfo(counts={"iemocap": SIX["iemocap"]}),
        "merged": CorpusInfo(counts=SIX),
    },
    weights_are="pretrained",
    backbones=("facebook/wav2vec2-base",),
)
TWIN = StudyInfo("twin", corpora={"emodb": CorpusInfo(counts={"emodb": SIX["emodb"]})}, weights_are="none")

Score = Callable[[int, int, float], float]  # of fold, seed and percent


def flat(value: float, spread: float = 1.0) -> Score:
    """The same score at every ratio, with small differences of mean zero over five folds and seeds."""
    noise = np.random.default_rng(round(1e6 * value)).normal(0, 0.002, (5, 5))
    noise -= noise.mean()
    return lambda fold, seed, percent: value + spread * float(noise[fold, seed])


def family(
    score: Score,
    corpus: str = "emodb",
    method: str = "functionals",
    adaptation: str = "none",
    strategy: str = "entropy",
    initialization: str = "clustering",
    percents: Sequence[float] = (5, 20, 100),
    folds: int = 5,
    seeds: int = 5,
    pretrained: bool = False,
    annotation: str = "corpus",
    label_noise: str = "0",
    seconds: Callable[[int, int, float], float] = lambda fold, seed, percent: 60 * percent + fold + seed,
    **more: Any,
) -> list[dict[str, Any]]:
    """The cells of one family; a run of everything at once has the strategy `none` and the percent 100."""
    name = (corpus, method, adaptation, strategy, initialization)
    axes = dict(
        zip(("corpus", "method", "adaptation", "strategy", "initialization"), name, strict=True),
        restart="none" if strategy == "none" else "previous",
        pretrained=pretrained,
        annotation=annotation,
        label_noise=label_noise,
    )
    rows = []
    for fold in range(folds):
        for seed in range(seeds):
            trial = "-".join(map(str, (*name, annotation, label_noise, fold, seed)))
            for percent in percents:
                ua = score(fold, seed, percent)
                row = {
                    **axes,
                    "percent": float(percent),
                    "size": int(4 * percent),
                    "fold": fold,
                    "seed": seed,
                    "key": f"{trial}-{percent:g}",
                    "trial": trial,
                    "ua": ua,
                    "wa": ua - 0.02,
                    "labelled": int(4 * percent),
                    "train": 400,
                    "validation": 40,
                    "test": 100,
                    "charged_seconds": float(seconds(fold, seed, percent)),
                    "spent_seconds": 1.0,
                    "shared_by": 1,
                    "resumed": 0,
                    "classes": CLASSES,
                    "confusion": [[80, 20, 0, 0], [0, 90, 10, 0], [0, 0, 70, 30], [0, 0, 0, 100]],
                    "test_speakers": ["a", "b"],
                }
                rows.append(row | more)
    return rows


def results_of(
    *families: list[dict[str, Any]], lost: Callable[[dict[str, Any]], bool] = lambda row: False
) -> Results:
    """The results of all cells but those that are `lost`."""
    rows = [row for rows in families for row in rows]
    frame = pd.DataFrame([row for row in rows if not lost(row)])
    missing = pd.DataFrame([row for row in rows if lost(row)], columns=frame.columns).assign(failure="")
    return Results(frame, missing, None)  # type: ignore[arg-type]


def board_of(
    *families: list[dict[str, Any]],
    study: StudyInfo = TWIN,
    lost: Callable[[dict[str, Any]], bool] = lambda row: False,
    choice: Choice | None = None,
) -> Board:
    """A study laid out for the paper's tables."""
    return Board(results_of(*families, lost=lost), study, choice)


def papers_study(
    corpus: str = "iemocap", after: float = 0.75, baseline: float = 0.70
) -> list[list[dict[str, Any]]]:
    """AFTER with its ablation, its upper bound and two baselines, on pretrained weights."""
    curve: dict[str, Any] = {"corpus": corpus, "method": "pooled_transformer", "pretrained": True}
    once: dict[str, Any] = {"corpus": corpus, "strategy": "none", "percents": (100,)}
    return [
        family(flat(baseline), **once, method="glam"),
        family(flat(baseline - 0.05), **once, method="lssed"),
        family(flat(0.80), **(curve | once), adaptation="tapt"),
        *(
            family(flat(score), **curve, adaptation=adaptation, strategy=strategy, initialization=first)
            for (adaptation, strategy, first), score in {
                ("none", "random", "clustering"): 0.60,
                ("none", "entropy", "clustering"): 0.64,
                ("tapt", "random", "clustering"): 0.70,
                ("tapt", "entropy", "clustering"): after,
                ("tapt", "random", "random"): 0.66,
                ("tapt", "entropy", "random"): 0.68,
            }.items()
        ),
    ]
