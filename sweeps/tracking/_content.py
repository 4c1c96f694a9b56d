"""What the run of one trajectory holds: parameters, tags, points and files, from records alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from after_ray.files import write_json, write_text
from after_ray.store import MODEL_FILE, PREDICTIONS_FILE, Record, Store
from analysis.rows import row_of
from sweeps.tracking._requests import Point, allowed, as_parameters, milliseconds
from sweeps.tracking.mirrored import BEFORE, MirroredTrajectory, value_of

FORMAT = 3  # raise when runs hold something else for the same records; they are then written again
CELLS_FILE = "cells.json"
OF_THE_ROUND = ("percent", "reported", "key", "predictions")  # of a cell, beside what its record says
CURVES = ("ua", "wa", "macro_f1", "loss", "validation_ua", "ece", "labelled")
# What a record says of where and by what it was made, as far as it does: tags of the run.
PROVENANCE = ("device", "device_name", "host", "threads", "shared_by", "commit", "source", "provenance")


@dataclass(frozen=True)
class FinishedRound:
    """A round of a trajectory with its record; `step` is its place on MLflow's axis."""

    percent: float
    step: int
    reported: bool
    record: Record

    @property
    def finished(self) -> int:
        """When it ended, in milliseconds since the epoch."""
        return milliseconds(self.record.finished)


def finished_rounds(trajectory: MirroredTrajectory, store: Store) -> tuple[FinishedRound, ...]:
    """The rounds that have a record, up to the first that has none."""
    steps = steps_of([percent for percent, _, _ in trajectory.rounds])
    found = []
    for (percent, key, reported), step in zip(trajectory.rounds, steps, strict=True):
        record = store.find(key)
        if record is None:
            break
        found.append(FinishedRound(percent, step, reported, record))
    return tuple(found)


def steps_of(percents: Sequence[float]) -> tuple[int, ...]:
    """MLflow's integer steps: the percents where all are whole, else hundredths of a percent."""
    whole = all(float(percent).is_integer() for percent in percents)
    return tuple(round(percent) if whole else round(100 * percent) for percent in percents)


def content_digest(trajectory: MirroredTrajectory, reference_above: int) -> str:
    """Digest of what the whole run is to hold; records are write-once, so their keys stand for them."""
    # Without axes that came later and say nothing: runs from before them hold all that they are to hold.
    tags = {name: value for name, value in trajectory.tags.items() if value != BEFORE.get(name)}
    parts = [tags, dict(trajectory.parameters), list(trajectory.rounds)]
    text = json.dumps([FORMAT, *parts, reference_above], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def run_name(tags: Mapping[str, str]) -> str:
    """A short name for people, such as `entropy clustering f0 s3 tapt pooled_transformer emodb`."""
    numbers = {"fold": f"f{tags.get('fold')}", "seed": f"s{tags.get('seed')}"}
    order = ("strategy", "initialization", "fold", "seed", "adaptation", "method", "corpus")
    words = [numbers.get(axis, tags[axis]) for axis in order if tags.get(axis, "none") != "none"]
    told = {"annotation": value_of(tags, "annotation"), "label_noise": value_of(tags, "label_noise")}
    words += [f"{axis} {value}" for axis, value in told.items() if value != BEFORE[axis]]
    return " ".join(words)


def parameters_of(trajectory: MirroredTrajectory) -> dict[str, str]:
    """Settings and axes as texts under names that MLflow takes."""
    return as_parameters({**trajectory.parameters, **trajectory.tags})


def provenance_of(rounds: Sequence[FinishedRound]) -> dict[str, str]:
    """Where and by what the rounds were made; several values of one name in the order of the rounds."""
    found: dict[str, dict[str, None]] = {}
    for one in rounds:
        for name in PROVENANCE:
            value = one.record.environment.get(name)
            if isinstance(value, str | int | float) and value != "":
                found.setdefault(name, {})[str(value)] = None
    return {name: ", ".join(values) for name, values in found.items()}


def collapsed_of(rounds: Sequence[FinishedRound]) -> dict[str, str]:
    """At which percents the model said one class for every test utterance; nothing where it never did."""
    percents = [f"{one.percent:g}" for one in rounds if row_of(one.record, 0.0)["collapsed"]]
    return {"collapsed": ", ".join(percents)} if percents else {}


def points_of(rounds: Sequence[FinishedRound]) -> list[Point]:
    """The curves of a trajectory, and the values of its reported rounds under names like `ua_at_20`."""
    return [point for found in rounds for point in (*_curves(found), *_summary(found))]


def summary_name(measure: str, percent: float) -> str:
    """The metric that holds a measure at one labelled percent."""
    return f"{measure}_at_{percent:g}"


def is_summary_name(name: str) -> bool:
    """Whether a metric holds the value of one labelled percent, which is written once, and not a curve."""
    return "_at_" in name


def cells_of(rounds: Sequence[FinishedRound], charged: Callable[[str], float]) -> Iterator[dict[str, Any]]:
    """All that the results frame holds of every round, for `cells.json`.

    `charged`: from a record's key to the seconds of its whole chain. `predictions`: digest of that file.
    """
    for found in rounds:
        predictions = found.record.files.get(PREDICTIONS_FILE)
        yield {
            "percent": found.percent,
            "reported": found.reported,
            "key": found.record.key,
            "predictions": None if predictions is None else predictions.sha256,
            **row_of(found.record, charged(found.record.key)),
        }


def predictions_name(percent: float) -> str:
    """Where a run keeps the predictions of one round."""
    return f"predictions/percent_{percent:g}.safetensors"


def stage_artifacts(
    folder: Path,
    rounds: Sequence[FinishedRound],
    store: Store,
    charged: Callable[[str], float],
    complete: bool,
    reference_above: int,
) -> None:
    """Lay out in `folder` what the run's artifacts are to be; files of the store are linked, not copied."""
    lines = ",\n".join(json.dumps(cell, allow_nan=False) for cell in cells_of(rounds, charged))
    write_text(folder / CELLS_FILE, f"[\n{lines}\n]\n")  # a line per round: read by people and in bulk
    (folder / "predictions").mkdir()
    for found in rounds:
        details, round_name = found.record.details, f"percent_{found.percent:g}"
        write_json(folder / "acquired" / f"{round_name}.json", details.get("acquired", []))
        confusion = {name: details.get(name) for name in ("classes", "confusion", "recall")}
        write_json(folder / "confusion" / f"{round_name}.json", confusion)
        if PREDICTIONS_FILE in found.record.files:
            source = _source(store, found.record, PREDICTIONS_FILE)
            (folder / predictions_name(found.percent)).symlink_to(source)
    if complete and store.has(rounds[-1].record, MODEL_FILE):
        _stage_model(folder / "model", rounds[-1].record, store, reference_above)


def _stage_model(place: Path, record: Record, store: Store, reference_above: int) -> None:
    entry = record.files[MODEL_FILE]
    if entry.bytes <= reference_above:
        place.mkdir()
        (place / MODEL_FILE).symlink_to(_source(store, record, MODEL_FILE))
        return
    reference = {"store_key": record.key, "file": MODEL_FILE, "sha256": entry.sha256, "bytes": entry.bytes}
    write_json(place / "reference.json", reference)


def _source(store: Store, record: Record, name: str) -> Path:
    return store.path(record, name).resolve()


def _curves(found: FinishedRound) -> Iterator[Point]:
    measures = found.record.measures
    values = {name: measures.get(name) for name in CURVES} | _seconds(found.record)
    for name, value in values.items():
        if value is not None:
            yield Point(allowed(name), float(value), found.finished, found.step)


def _summary(found: FinishedRound) -> Iterator[Point]:
    if not found.reported:
        return
    for measure in CURVES:
        value = found.record.measures.get(measure)
        if value is not None:
            yield Point(summary_name(measure, found.percent), float(value), found.finished, found.step)


def _seconds(record: Record) -> dict[str, float]:
    return {f"seconds_{phase}": value for phase, value in record.seconds.items()}
