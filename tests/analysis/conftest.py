"""A small study whose every number is known, in a real store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from after_ray.store import Draft, Store, digest
from after_ray.store.artifacts import save_arrays
from analysis.results import Results, from_store

CLASSES = ("anger", "happiness", "neutral", "sadness")

# (strategy, percent, fold, seed) -> the share of the test utterances of each class that are right: one share
# for all classes, or the confusion counts themselves
Score = Callable[[str, float, int, int], float | list[list[int]]]
Details = Callable[[str, float, int, int], dict[str, Any]]  # what its record says beside the usual


@dataclass(frozen=True)
class FakeStudy:
    """Cells as the command line hands them over, and the store they point to."""

    cells: pd.DataFrame
    store: Store

    @property
    def results(self) -> Results:
        return from_store(self.cells, self.store)


@dataclass(frozen=True)
class StudyMaker:
    """Writes rounds in chains, the first shared by all strategies, over one features stage per fold."""

    store: Store

    def __call__(
        self,
        score: Score,
        strategies: Sequence[str] = ("random", "entropy"),
        percents: Sequence[float] = (1, 5, 10),
        folds: Sequence[int] = (0, 1, 2),
        seeds: Sequence[int] = (0, 1),
        left_out: Callable[[str, float, int, int], bool] = lambda *_: False,
        share_first: bool = True,
        details: Details = lambda *_: {},
    ) -> FakeStudy:
        rows = []
        for fold in folds:
            features = self._features(fold)
            for strategy in strategies:
                for seed in seeds:
                    previous = features
                    for index, percent in enumerate(percents):
                        shared = index == 0 and share_first
                        name = "" if shared else strategy
                        key = self._key("round", previous=previous, percent=percent, by=name, seed=seed)
                        cell = (strategy, percent, fold, seed)
                        if not left_out(*cell) and self.store.find(key) is None:
                            self._round(key, previous, percent, score(*cell), details(*cell))
                        rows.append(_cell(strategy, percent, fold, seed, key))
                        previous = key
        return FakeStudy(pd.DataFrame(rows), self.store)

    def _key(self, kind: str, **meaning: Any) -> str:
        return digest(kind, 1, meaning)

    def _features(self, fold: int) -> str:
        audio, features = self._key("audio"), self._key("features", fold=fold)
        self.store.commit(Draft(audio, "audio", {}, seconds={"total": 1000.0}))
        parts = {"features": 20.0, "total": 20.0}
        self.store.commit(Draft(features, "features", {}, parents=(audio,), seconds=parts))
        return features

    def _round(
        self,
        key: str,
        previous: str,
        percent: float,
        right: float | list[list[int]],
        details: dict[str, Any],
    ) -> None:
        confusion = np.array(right) if isinstance(right, list) else _confusion(right)
        ua = float(np.mean(np.diag(confusion) / confusion.sum(axis=1)))
        truth = np.repeat(np.arange(4), confusion.sum(axis=1))
        predicted = np.concatenate([np.repeat(np.arange(4), row) for row in confusion])
        log_probabilities = np.log(np.full((len(truth), 4), 0.1) + 0.6 * np.eye(4)[predicted])
        with self.store.workspace(key) as folder:
            arrays = {
                f"{part}_{name}": value
                for part in ("test", "validation")
                for name, value in (
                    ("rows", np.arange(len(truth))),
                    ("log_probabilities", log_probabilities),
                    ("truth", truth.astype(np.int64)),
                )
            }
            save_arrays(folder / "predictions.safetensors", arrays)
            draft = Draft(
                key=key,
                kind="round",
                meaning={},
                parents=(previous,),
                measures={
                    **_measures(ua, float(np.trace(confusion) / confusion.sum()), percent),
                    "loss": 1.0 + int(key[:8], 16) / 16**12,  # no two runs have the same, to the last digit
                },
                seconds={"score": 1.0, "acquire": 0.5, "train": 8.0, "evaluate": 0.5, "total": 10.0},
                details={
                    "classes": list(CLASSES),
                    "confusion": confusion.tolist(),
                    "recall": [0.5] * 4,
                    "acquired": ["a", "b"],
                    "test_speakers": ["s1", "s2"],
                    "warnings": [],
                    **details,
                },
                environment={"device": "cpu", "device_name": "cpu x", "threads": 1, "shared_by": 2},
            )
            self.store.commit(draft, folder)


def _cell(strategy: str, percent: float, fold: int, seed: int, key: str) -> dict[str, Any]:
    return {
        "corpus": "emodb",
        "method": "functionals",
        "adaptation": "none",
        "strategy": strategy,
        "initialization": "random",
        "restart": "fresh",
        "annotation": "corpus",
        "label_noise": "0",
        "percent": float(percent),
        "size": int(4 * percent),
        "fold": fold,
        "seed": seed,
        "key": key,
        "trial": key,
        "pretrained": False,
    }


def _confusion(right: float) -> np.ndarray:
    """100 test utterances, 40 of the first class and 20 of the others, `right` of each recognised."""
    confusion = np.zeros((4, 4), dtype=np.int64)
    for row, support in enumerate((40, 20, 20, 20)):
        hits = round(right * support)
        confusion[row, row] = hits
        confusion[row, (row + 1) % 4] = support - hits
    return confusion


def _measures(ua: float, wa: float, percent: float) -> dict[str, float]:
    return {
        "ua": ua,
        "wa": wa,
        "macro_f1": ua,
        "loss": 1.0,
        "ece": 0.1,
        "validation_ua": ua,
        "validation_loss": 1.0,
        "labelled": int(4 * percent),
        "labelled_seconds": 8.0 * percent,
        "train": 400,
        "validation": 40,
        "test": 100,
        "updates": 200,
    }


@pytest.fixture
def only_svg(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report draws each picture as SVG, and leaves its PNG and its PDF empty."""
    for module in ("analysis.report.files", "analysis.paper.pictures"):
        for form in ("to_png", "to_pdf"):
            monkeypatch.setattr(f"{module}.{form}", lambda figure: b"")


@pytest.fixture(scope="session")
def study_maker() -> Callable[[Path], StudyMaker]:
    return lambda folder: StudyMaker(Store(folder / "store"))


@pytest.fixture
def make_study(tmp_path: Path, study_maker: Callable[[Path], StudyMaker]) -> StudyMaker:
    return study_maker(tmp_path)
