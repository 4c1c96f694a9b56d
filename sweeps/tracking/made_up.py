"""Made-up results of a real study: records as its trials would write them, without any training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from after_ray.execution.kept_folds import FOLDS_FILE
from after_ray.manifest import Manifest
from after_ray.metrics import Scores, evaluate
from after_ray.splits.fold_file import FoldTable
from after_ray.splits.parts import Fold
from after_ray.stages import Stage
from after_ray.store import MODEL_FILE, PREDICTIONS_FILE, Draft, digest
from after_ray.store.artifacts import save_arrays
from sweeps.planning.opening import OpenStudy
from sweeps.planning.trajectories import Axes, Trajectory

EPOCH = 1_700_000_000.0  # when the made-up study began, in seconds
GAIN = 0.3  # of accuracy, at most
SECONDS = {"audio": 500.0, "features": 40.0, "adaptation": 900.0}
Details = Callable[[Axes, float], dict[str, Any]]  # what a record says beside the usual, or instead of it


class Wanted(Protocol):
    """Whether a round is finished."""

    def __call__(self, axes: Axes, percent: float) -> bool:
        """The place of its trajectory, and its percent of train."""


def write_made_up(
    opened: OpenStudy,
    wanted: Wanted = lambda axes, percent: True,
    details: Details = lambda axes, percent: {},
    model: bool = True,
) -> int:
    """Write a record for every wanted round that has none and for what it rests on; returns how many rounds.

    Accuracy grows with the labelled share, by strategy, fold and seed; a trajectory ends before its first
    round that is not wanted. `model`: whether last rounds keep a small checkpoint.
    """
    folds = {split.stage.key: split.table for split in opened.plan.splits}
    for stage in opened.plan.shared.values():
        said: dict[str, Any] = {"seconds": {"total": SECONDS.get(stage.kind, 1.0)}}
        if table := folds.get(stage.key):
            said |= {"details": {"digest": table.digest}, "write": partial(_write_folds, table)}
        _commit(opened, stage, EPOCH, **said)
    done = opened.store.ledger.finished()
    written = 0
    for trajectory in opened.plan.trajectories:
        for number, (percent, stage) in enumerate(zip(trajectory.percents, trajectory.stages, strict=True)):
            if not wanted(trajectory.axes, percent):
                break
            if stage.key in done:
                continue
            _round(opened, trajectory, number, details(trajectory.axes, percent), model)
            done.add(stage.key)
            written += 1
    return written


def _round(
    opened: OpenStudy, trajectory: Trajectory, number: int, details: dict[str, Any], model: bool
) -> None:
    axes, percent, stage = trajectory.axes, trajectory.percents[number], trajectory.stages[number]
    place = [scan.manifest.corpus for scan in opened.scans].index(axes.corpus)
    manifest, fold = opened.scans[place].manifest, opened.plan.splits[place].table.folds[axes.fold]
    random = np.random.default_rng([int(stage.key[:8], 16), axes.fold, axes.seed])
    share = _share_right(axes.strategy, percent) + 0.02 * random.normal()
    said = {
        part: _said(manifest.labels[rows], len(manifest.classes), share, random)
        for part, rows in (("test", fold.test), ("validation", fold.validation))
    }
    scores = {part: evaluate(said[part], manifest.labels[getattr(fold, part)]) for part in said}
    sizes = [0, *(one.size for one in trajectory.stages)]
    labelled = fold.train[: sizes[number + 1]]
    fresh = manifest.table["utterance"].iloc[labelled[sizes[number] :]].tolist()
    files = {PREDICTIONS_FILE: _predictions(said, manifest, fold)}
    if model and number == len(trajectory.stages) - 1:
        files[MODEL_FILE] = {"weight": np.zeros((4, 94), dtype=np.float32)}
    seconds = {"score": 0.5, "acquire": 0.1, "train": 1.0 + percent / 10, "evaluate": 0.2}
    told = {"acquired": fresh, "acquired_scores": random.random(len(fresh)).tolist()}
    _commit(
        opened,
        stage,
        EPOCH + 3600 * axes.fold + 600 * axes.seed + 10 * percent,
        seconds={**seconds, "total": sum(seconds.values())},
        measures=_measures(scores, labelled, fold),
        details={**told, **_details(scores["test"], manifest, labelled, fold), **details},
        write=partial(_write_arrays, files),
    )


def _share_right(strategy: str, percent: float) -> float:
    """Share of the utterances that a model recognises; strategies but `random` gain, each its own amount."""
    own = int(digest("gain", 1, {"strategy": strategy})[:2], 16) / 255
    gain = 0.0 if strategy == "random" else GAIN * own
    return float(0.35 + 0.2 * np.log10(percent) + gain * min(1.0, percent / 20))


def _predictions(
    said: dict[str, NDArray[np.float64]], manifest: Manifest, fold: Fold
) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for part, log_probabilities in said.items():
        rows = getattr(fold, part)
        arrays[f"{part}_rows"] = rows
        arrays[f"{part}_log_probabilities"] = log_probabilities.astype(np.float32)
        arrays[f"{part}_truth"] = manifest.labels[rows]
    return arrays


def _details(test: Scores, manifest: Manifest, labelled: NDArray[np.int64], fold: Fold) -> dict[str, Any]:
    table = manifest.table
    speakers = sorted(set(table["speaker"].iloc[fold.test]))
    return {
        "classes": list(manifest.classes),
        "confusion": [list(row) for row in test.confusion],
        "recall": list(test.recall),
        "labelled_by": _counted(manifest, labelled),
        "train_by": _counted(manifest, fold.train),
        "train_seconds": float(table["seconds"].iloc[fold.train].sum()),
        "test_by": _counted(manifest, fold.test),
        "ua_by_corpus": dict.fromkeys(sorted(set(manifest.sources[fold.test])), test.ua),
        "ua_by": {
            "gender": dict.fromkeys(sorted(set(table["gender"].iloc[fold.test])), test.ua),
            "speaker": dict.fromkeys(speakers, test.ua),
        },
        "conformity": "none",
        "test_speakers": speakers,
        "warnings": [],
    }


def _counted(manifest: Manifest, rows: NDArray[np.int64]) -> dict[str, dict[str, int]]:
    """How many of these utterances every class, gender, speaker and corpus has."""
    table = manifest.table.iloc[rows]
    by_column = {axis: dict(Counter(table[axis])) for axis in ("emotion", "gender", "speaker")}
    return {**by_column, "corpus": dict(Counter(map(str, manifest.sources[rows])))}


def _write_arrays(files: dict[str, dict[str, NDArray[Any]]], folder: Path) -> None:
    for name, arrays in files.items():
        save_arrays(folder / name, arrays)


def _write_folds(table: FoldTable, folder: Path) -> None:
    table.write(folder / FOLDS_FILE)


def _said(
    truth: NDArray[np.int64], classes: int, share: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Log-probabilities that are right for about `share` of the utterances."""
    wrong = random.random(len(truth)) > share
    chosen = np.where(wrong, random.integers(classes, size=len(truth)), truth)
    scores = random.random((len(truth), classes)) + 2.0 * np.eye(classes)[chosen]
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def _measures(
    scores: dict[str, Scores], labelled: NDArray[np.int64], fold: Fold
) -> dict[str, float | int | None]:
    test, validation = scores["test"], scores["validation"]
    return {
        "ua": test.ua,
        "wa": test.wa,
        "macro_f1": test.macro_f1,
        "loss": test.loss,
        "ece": test.ece,
        "validation_ua": validation.ua,
        "validation_wa": validation.wa,
        "validation_loss": validation.loss,
        "labelled": len(labelled),
        "labelled_seconds": 2.5 * len(labelled),
        "train": len(fold.train),
        "validation": len(fold.validation),
        "test": len(fold.test),
        "updates": 200,
        "epochs": 20,
    }


def _commit(
    opened: OpenStudy,
    stage: Stage,
    finished: float,
    write: Callable[[Path], None] = lambda folder: None,
    **said: Any,
) -> None:
    if opened.store.find(stage.key) is not None:
        return
    with opened.store.workspace(stage.key) as folder:
        write(folder)
        draft = Draft(
            key=stage.key,
            kind=stage.kind,
            meaning=stage.meaning(),
            parents=tuple(needed.key for needed in stage.needs()),
            environment={"device": "cpu", "device_name": "made up", "threads": 1, "shared_by": 1},
            started=finished - 5,
            finished=finished,
            **said,
        )
        opened.store.commit(draft, folder)
