"""A made-up study with plausible learning curves: for tests, the benchmark and looking at MLflow's pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

import numpy as np

from after_ray.store import MODEL_FILE, PREDICTIONS_FILE, Draft, Record, Store, digest
from after_ray.store.artifacts import save_arrays
from sweeps.tracking.mirrored import ROW_AXES, MirroredRow, MirroredStudy, MirroredTrajectory, RowCell

PERCENTS = (1.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0)
STRATEGIES = {"random": 0.0, "entropy": 0.06, "least_confidence": 0.04, "bald": 0.02}  # UA above `random`
CLASSES = ("anger", "happiness", "neutral", "sadness")
EPOCH = 1_700_000_000.0  # when the made-up study began, in seconds


def sample_study(trajectories: int, rows: tuple[MirroredRow, ...] = ()) -> MirroredStudy:
    """The parent of `trajectories` made-up trajectories."""
    counts = {"cells": trajectories * len(PERCENTS), "trajectories": trajectories, "adaptations": 0}
    return MirroredStudy("sample", "study: sample\n", counts, {"corpora": "madeup"}, rows)


def sample_rows(trajectories: Iterable[MirroredTrajectory]) -> tuple[MirroredRow, ...]:
    """The table rows of made-up trajectories."""
    cells: dict[tuple[tuple[str, str], ...], list[RowCell]] = {}
    for one in trajectories:
        row = tuple((axis, one.tags[axis]) for axis in ROW_AXES)
        fold, seed = int(one.tags["fold"]), int(one.tags["seed"])
        cells.setdefault(row, []).extend(
            RowCell(percent, key, fold, seed) for percent, key, reported in one.rounds if reported
        )
    return tuple(MirroredRow(dict(row), tuple(found)) for row, found in cells.items())


def sample_trajectories(
    store: Store, folds: int, seeds: int, percents: Sequence[float] = PERCENTS, utterances: int = 100
) -> Iterator[MirroredTrajectory]:
    """Write the records of one trajectory per strategy, fold and seed; `utterances` are in each test part."""
    for strategy, fold, seed in product(STRATEGIES, range(folds), range(seeds)):
        tags = {
            "corpus": "madeup",
            "method": "functionals",
            "adaptation": "none",
            "strategy": strategy,
            "initialization": "clustering",
            "restart": "pretrained",
            "annotation": "corpus",
            "label_noise": "0",
            "fold": str(fold),
            "seed": str(seed),
            "adaptation_key": "none",
        }
        keys = _write_rounds(store, tags, percents, utterances)
        parameters = {"seed": seed, "fold.index": fold, "classifier.name": "functionals", "classifier.c": 1.0}
        rounds = tuple((percent, key, True) for percent, key in zip(percents, keys, strict=True))
        yield MirroredTrajectory(keys[-1], tags, parameters, rounds)


def _write_rounds(
    store: Store, tags: dict[str, str], percents: Sequence[float], utterances: int
) -> list[str]:
    keys: list[str] = []
    for percent in percents:
        meaning = {"tags": tags, "percent": percent, "previous": keys[-1] if keys else None}
        keys.append(digest("round", 1, meaning))
        _write_round(store, Draft(keys[-1], "round", meaning), tags, percent, utterances)
    return keys


def _write_round(store: Store, draft: Draft, tags: dict[str, str], percent: float, utterances: int) -> Record:
    fold, seed = int(tags["fold"]), int(tags["seed"])
    noise = np.random.default_rng([fold, seed, round(100 * percent)]).normal(0, 0.02)
    gain = STRATEGIES[tags["strategy"]] * min(1.0, percent / 10)
    ua = float(np.clip(0.35 + 0.25 * np.log10(1 + percent) + gain + noise, 0, 1))
    finished = EPOCH + 3600 * fold + 600 * seed + 10 * percent
    with store.workspace(draft.key) as folder:
        log_probabilities = np.full((utterances, len(CLASSES)), np.log(1 / len(CLASSES)), dtype=np.float32)
        save_arrays(folder / PREDICTIONS_FILE, {"test_log_probabilities": log_probabilities})
        save_arrays(folder / MODEL_FILE, {"weight": np.zeros((4, 94), dtype=np.float32)})
        measures = {
            "ua": ua,
            "wa": ua,
            "macro_f1": ua - 0.01,
            "loss": 1.5 - ua,
            "ece": 0.1,
            "validation_ua": ua + 0.02,
            "validation_loss": 1.4 - ua,
            "labelled": round(4 * percent),
            "updates": 200,
        }
        details = {
            "acquired": [f"u{number:04d}" for number in range(round(4 * percent))],
            "classes": list(CLASSES),
            "confusion": [[5] * len(CLASSES)] * len(CLASSES),
            "recall": [ua] * len(CLASSES),
        }
        seconds = {"train": 2.0, "score": 0.5, "evaluate": 0.2, "total": 2.7}
        return store.commit(
            Draft(
                draft.key,
                draft.kind,
                draft.meaning,
                measures=measures,
                seconds=seconds,
                details=details,
                environment={"device": "cpu", "device_name": "made up", "threads": 1, "shared_by": 1},
                started=finished - 5,
                finished=finished,
            ),
            folder,
        )
