"""Recordings that nobody has labelled, whoever knows their labels, and studies that run without Ray."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import soundfile
import yaml
from typer.testing import CliRunner

from after_ray.corpora._base import Entry
from after_ray.corpora._settings import EmodbSettings, SyntheticSettings
from after_ray.corpora.emodb import Emodb
from after_ray.corpora.synthetic import Synthetic
from after_ray.environment import Execution, fix_threads
from after_ray.errors import Unanswered
from after_ray.execution import run
from after_ray.store import PREDICTIONS_FILE, Record, Store
from sweeps.cli import app
from sweeps.launching.launch import Outcome
from sweeps.planning.jobs import jobs_of
from sweeps.planning.opening import OpenStudy
from sweeps.running.studies import RunReport, prepare
from sweeps.tracking import MirrorReport

STUDY = {
    "study": "calls",
    "corpus": {"name": "csv", "file": "known.csv", "called": "calls"},
    "classifier": "functionals",
    "strategy": "entropy",
    "initialization": "clustering",
    "schedule": [35, 60, 90],
    "fold": 0,
    "protocol": {"preset": "paper", "folds": {"count": 3}, "validation": "by_speaker"},
}
CLASSES = "anger,happy,neutral,sad"
SMALL = SyntheticSettings(speakers=6, sentences=2, seconds=0.6)


def speech(folder: Path, settings: SyntheticSettings = SMALL) -> dict[str, str]:
    """Write recordings, `known.csv` with their emotions and `unknown.csv` without; returns emotions by path.

    No path says an emotion, and paths are in another order than emotions.
    """
    corpus, found = Synthetic(settings), list[Entry]()
    for number, entry in enumerate(corpus.listing().entries):
        path = f"speech/{entry.speaker}/{number * 7919 % 1000:03d}.wav"
        sound = corpus.read(entry.path)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / path, sound.samples, sound.sample_rate, subtype="PCM_16")
        found.append(replace(entry, path=path))
    return _hidden(folder, found, ("path", "speaker", "gender", "emotion"))


def emodb(folder: Path, root: Path) -> dict[str, str]:
    """The same tables of EMO-DB, whose recordings `folder / "speech"` leads to."""
    (folder / "speech").symlink_to(root / "wav", target_is_directory=True)
    listing = Emodb(EmodbSettings(root=str(root))).listing()
    entries = [replace(one, path=f"speech/{Path(one.path).name}") for one in listing.entries]
    return _hidden(folder, entries, ("path", "speaker", "gender", "sentence", "emotion"))


def _hidden(folder: Path, entries: Sequence[Entry], columns: Sequence[str]) -> dict[str, str]:
    rows = [{name: getattr(entry, name) for name in columns} for entry in entries]
    write_rows(folder / "known.csv", rows)
    write_rows(folder / "unknown.csv", [{k: v for k, v in row.items() if k != "emotion"} for row in rows])
    return {entry.path: entry.emotion for entry in entries}


def study_in(folder: Path, **changed: Any) -> Path:
    """The study's file; a value of None leaves the key out."""
    values = {key: value for key, value in (STUDY | changed).items() if value is not None}
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def run_here(studies: Sequence[OpenStudy], *where: Any, **more: Any) -> RunReport:
    """As `sweeps.running.studies.run_studies`, in this process and without Ray or a tracker."""
    fix_threads(1)
    ran = 0
    for opened in studies:
        prepare(opened)
        execution = Execution(opened.store.url, str(opened.store.root / "cache"), device="cpu")
        for job in jobs_of([opened.plan], opened.store.ledger.finished()).values():
            try:
                run(job.stage, execution)
            except Unanswered:
                break
            ran += 1
    return RunReport(Outcome(ran), (MirrorReport(0, 0, None),) * len(studies))


def annotate(*arguments: object) -> tuple[int, str]:
    """Exit code and output of `after-ray annotate`."""
    done = CliRunner().invoke(app, ["annotate", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def read_rows(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV."""
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


def write_rows(file: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Rows with the columns of the first."""
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def rounds_of(store: Path) -> list[Record]:
    """Records of trained rounds, fewest labels first."""
    found = Store(str(store))
    records = [found.need(key) for key in found.ledger.finished()]
    return sorted(
        (one for one in records if one.kind == "round"), key=lambda one: one.measures["labelled"] or 0
    )


def bits_of(store: Path, record: Record) -> dict[str, bytes]:
    """All that a round said of every utterance."""
    arrays = Store(str(store)).arrays(record, PREDICTIONS_FILE)
    return {name: array.tobytes() for name, array in sorted(arrays.items())}
