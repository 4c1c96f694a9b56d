"""The stage of a Pseudo-TAPT: its record counts the labels that it read, and it survives kills."""

from __future__ import annotations

import multiprocessing
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from after_ray.adaptation.settings import PseudoTaptSettings
from after_ray.environment import Execution, fix_threads
from after_ray.execution import adaptation, run
from after_ray.execution.adaptation import HEADS_FILE, WEIGHTS_FILE
from after_ray.execution.corpus import open_corpus
from after_ray.execution.folds import open_fold
from after_ray.sources import parts_of
from after_ray.stages import AdaptationStage, AudioStage
from after_ray.store import Record, Store
from tests.after_ray.execution.chains import TAPT, TRANSFORMER, first_round, prepared, run_and_die

SETTINGS = PseudoTaptSettings(
    steps=6, batch_seconds=8, max_seconds=2, codebooks=(4, 16), frame_width=16, frame_steps=8, frame_batch=16
)
IN_EACH_PART = {"emotions": 4, "clusters": 9, "prediction": 12}  # of 7, 2 and 6 states


def pseudo_tapt(audio: AudioStage) -> AdaptationStage:
    stage = first_round(audio, TRANSFORMER).adapted
    assert stage is not None
    return replace(stage, adaptation=SETTINGS)


def execution(folder: Path, name: str, seconds: float = 300) -> Execution:
    return Execution(store=str(folder / name), cache=str(folder / "cache"), checkpoint_seconds=seconds)


def bits(record: Record, done: Execution) -> dict[str, bytes]:
    store = Store(done.store)
    held = {**store.arrays(record, WEIGHTS_FILE), **store.arrays(record, HEADS_FILE)}
    return {name: np.asarray(value).tobytes() for name, value in held.items()}


def test_the_record_counts_the_labels_that_were_read(tmp_path: Path) -> None:
    fix_threads(1)
    done = execution(tmp_path, "store")
    stage = pseudo_tapt(prepared(done))
    record = run(stage, done)
    train = open_fold(stage.audio, stage.fold, done).train
    assert record.details["labels_revealed"] == len(train)
    assert record.details["objective"] == "pseudo_labels"
    assert record.details["emotions"]["clips"] == len(train)


def test_no_label_is_at_hand_of_an_adaptation_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix_threads(1)
    done = execution(tmp_path, "store")
    stage = replace(pseudo_tapt(prepared(done)), adaptation=TAPT)
    monkeypatch.setattr(adaptation, "Oracle", None)  # calling it would be an error
    assert run(stage, done).details["labels_revealed"] == 0


def test_labels_of_no_other_part_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fix_threads(1)
    plain, changed = execution(tmp_path, "plain"), execution(tmp_path, "changed")
    stage = pseudo_tapt(prepared(plain))
    expected = run(stage, plain)
    again = pseudo_tapt(prepared(changed))
    manifest = open_corpus(again.audio, changed).manifest
    labels = manifest.labels.copy()
    parts = open_fold(again.audio, again.fold, changed)
    held_out = np.concatenate([parts.validation, parts.test])
    labels[held_out] = (labels[held_out] + 1) % len(manifest.classes)
    monkeypatch.setattr(type(manifest), "labels", labels)
    assert bits(run(again, changed), changed) == bits(expected, plain)


def test_its_own_code_is_among_what_its_results_rest_on() -> None:
    stage = pseudo_tapt(AudioStage("0123"))
    assert parts_of(stage) == ("adaptation", "backbones", "pseudo_tapt")
    assert parts_of(replace(stage, adaptation=TAPT)) == ("adaptation", "backbones")


@pytest.mark.chaos
@pytest.mark.parametrize("part", IN_EACH_PART)
def test_one_killed_in_any_part_ends_with_the_same_record(tmp_path: Path, part: str) -> None:
    fix_threads(1)
    plain, killed = execution(tmp_path, "plain"), execution(tmp_path, "killed", seconds=1e-9)
    expected = run(pseudo_tapt(prepared(plain)), plain)
    stage = pseudo_tapt(prepared(killed))
    arguments = (stage, killed, IN_EACH_PART[part])
    process = multiprocessing.get_context("spawn").Process(target=run_and_die, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert Store(killed.store).find(stage.key) is None
    record = run(stage, killed)
    assert record.key == expected.key
    assert bits(record, killed) == bits(expected, plain)
    assert record.measures == expected.measures
    assert {**record.details, "resumed": 0} == expected.details
    assert record.details["resumed"] == 1
    assert record.seconds["total"] > record.finished - record.started, "the time before the kill is in it"
    assert list((Path(killed.store) / "checkpoints").iterdir()) == []
