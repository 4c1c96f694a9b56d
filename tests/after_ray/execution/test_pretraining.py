"""Pretrainings through the real chain: one per fold, shared, and told no label that it does not ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from after_ray.classifiers._pretraining import Pretrained, PretrainingInputs
from after_ray.classifiers._settings import RhEmoSettings
from after_ray.classifiers._settings.rh_emo import EmotionSettings, ReconstructionSettings
from after_ray.classifiers.rh_emo import RhEmo
from after_ray.environment import Execution, fix_threads
from after_ray.errors import OracleRefusal, Tripped
from after_ray.execution import run
from after_ray.execution.folds import open_fold
from after_ray.execution.pretraining import pretrained_weights
from after_ray.execution.rounds import Trajectory
from after_ray.seeds import SeedTree
from after_ray.splits.oracle import Oracle
from after_ray.stages import MADE_BY_DRIVER, FirstRoundStage, NextRoundStage, PretrainingStage, Stage, collect
from after_ray.store import MODEL_FILE, Checkpoint, Store
from tests.after_ray.execution.chains import first_round, prepared

FIRST_STEP = ReconstructionSettings(steps=3, batch_size=8, evaluations=2)
SECOND_STEP = EmotionSettings(steps=2, batch_size=8, evaluations=1, head_width=8)
UNSUPERVISED = RhEmoSettings(
    steps=1, evaluations=1, batch_size=4, supervised=False, reconstruction=FIRST_STEP
)
SUPERVISED = UNSUPERVISED.model_copy(update={"supervised": True, "emotion": SECOND_STEP})


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    fix_threads(1)


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    return Execution(str(tmp_path / "store"), str(tmp_path / "cache"), device="cpu")


def round_0(execution: Execution, classifier: RhEmoSettings, seed: int = 5) -> FirstRoundStage:
    first = replace(first_round(prepared(execution), classifier), seed=seed)
    last = PretrainingStage.of(first.audio, first.fold, first.features, classifier, seed)
    return replace(first, pretrained=last)


def pretraining_of(first: FirstRoundStage) -> PretrainingStage:
    assert first.pretrained is not None
    return first.pretrained


def run_all(last: Stage, execution: Execution) -> None:
    """What a stage rests on, what is needed before what needs it, and the stage."""
    found: dict[str, Stage] = {}
    collect(last, found)
    for stage in found.values():
        if not isinstance(stage, MADE_BY_DRIVER):
            run(stage, execution)


def test_the_first_step_is_told_no_label(execution: Execution) -> None:
    stage = pretraining_of(round_0(execution, UNSUPERVISED))
    run_all(stage, execution)
    record = Store(execution.store).need(stage.key)
    assert record.measures["labels_revealed"] == 0
    assert record.measures["updates"] == 3
    assert record.measures["validation_loss"] == record.measures["validation_reconstruction"]
    assert 0 < record.measures["epochs"] < 3
    assert set(record.parents) == {needed.key for needed in stage.needs()}
    weights = pretrained_weights(stage, execution)
    assert weights is not None
    assert float(weights["maximum"]) == record.measures["maximum"] > 0


def test_the_second_step_is_told_every_label_of_train(execution: Execution) -> None:
    first = round_0(execution, SUPERVISED)
    stage = pretraining_of(first)
    assert stage.previous is not None
    run_all(stage, execution)
    store, fold = Store(execution.store), open_fold(first.audio, first.fold, execution)
    record = store.need(stage.key)
    assert record.measures["labels_revealed"] == len(fold.train)
    assert store.need(stage.previous.key).measures["labels_revealed"] == 0
    assert stage.previous.key in record.parents
    assert record.details["step"] == "emotion"
    assert record.measures["validation_emotion"] > 0
    assert record.measures["maximum"] == store.need(stage.previous.key).measures["maximum"]


@pytest.mark.slow
def test_rounds_start_from_it_and_their_dropped_weights_are_trained_again(execution: Execution) -> None:
    first = round_0(execution, UNSUPERVISED)
    last = NextRoundStage(NextRoundStage(first, 12, "random", "previous"), 16, "entropy", "previous")
    run_all(first, execution)
    trajectory, store = Trajectory(last, execution), Store(execution.store)
    trajectory.advance()
    trajectory.advance()
    middle = dict(trajectory.newest_weights())
    trajectory.advance()
    assert pretraining_of(first).key in store.need(first.key).parents
    assert store.arrays_if_kept(store.need(last.previous.key), MODEL_FILE) is None
    again = trajectory._weights_of(1)
    assert all(np.array_equal(again[name], middle[name]) for name in middle)


def test_seeds_and_schedules_share_it_and_steps_of_other_settings_do_not(execution: Execution) -> None:
    first = round_0(execution, SUPERVISED)
    assert pretraining_of(round_0(execution, SUPERVISED, seed=6)).key == pretraining_of(first).key
    assert pretraining_of(round_0(execution, UNSUPERVISED)).key == pretraining_of(first).previous.key  # type: ignore[union-attr]
    other_network = SUPERVISED.model_copy(update={"network": "alexnet", "steps": 7})
    assert pretraining_of(round_0(execution, other_network)).key == pretraining_of(first).key
    per_seed = SUPERVISED.model_copy(update={"repeat": "per_seed"})
    keys = {pretraining_of(round_0(execution, per_seed, seed=seed)).key for seed in (5, 6)}
    longer = SUPERVISED.model_copy(update={"emotion": SECOND_STEP.model_copy(update={"steps": 3})})
    keys |= {pretraining_of(first).key, pretraining_of(round_0(execution, longer)).key}
    assert len(keys) == 4


def test_a_seed_of_its_own_gives_other_weights(execution: Execution) -> None:
    shared = pretraining_of(round_0(execution, UNSUPERVISED))
    run_all(shared, execution)
    own = replace(shared, seed=0)
    run(own, execution)
    weights = [pretrained_weights(stage, execution) for stage in (shared, own)]
    assert not np.array_equal(weights[0]["encoder.0.weight"], weights[1]["encoder.0.weight"])  # type: ignore[index]


def test_no_test_utterance_can_be_heard(execution: Execution, monkeypatch: pytest.MonkeyPatch) -> None:
    first = round_0(execution, UNSUPERVISED)
    stage = pretraining_of(first)
    run_all(stage.features, execution)
    leaking = int(open_fold(first.audio, first.fold, execution).test[0])

    def leak(step: Any, inputs: PretrainingInputs, **others: Any) -> Pretrained:
        inputs.features[leaking]
        raise AssertionError("it was heard")

    monkeypatch.setattr(RhEmo, "pretrain", leak)
    with pytest.raises(Tripped, match="pretraining"):
        run(stage, execution)


def test_labels_come_from_the_oracle_alone(execution: Execution, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = pretraining_of(round_0(execution, SUPERVISED))
    assert stage.previous is not None
    asked: list[int] = []
    seen: list[Any] = []
    reveal = Oracle.reveal

    def count(self: Oracle, rows: Any) -> Any:
        asked.append(len(rows))
        return reveal(self, rows)

    def note(step: Any, inputs: PretrainingInputs, **others: Any) -> Pretrained:
        seen.append((inputs.train.labels, inputs.validation.labels))
        raise OracleRefusal("Enough", [], "nothing")

    run_all(stage.previous, execution)
    monkeypatch.setattr(Oracle, "reveal", count)
    monkeypatch.setattr(RhEmo, "pretrain", note)
    for one in (replace(stage.previous, seed=3), stage):
        with pytest.raises(OracleRefusal):
            run(one, execution)
    assert seen[0] == (None, None)
    assert len(seen[1][0]) == asked[0]
    assert len(asked) == 1


def test_a_step_sees_train_and_validation_of_its_fold_and_draws_for_it_alone(
    execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = round_0(execution, SUPERVISED)
    last = pretraining_of(first)
    assert last.previous is not None
    run_all(first.features, execution)
    seen: list[PretrainingInputs] = []
    draws: list[float] = []

    def note(step: Any, inputs: PretrainingInputs, *, seeds: SeedTree, **others: Any) -> Pretrained:
        seen.append(inputs)
        draws.append(seeds.generator().random())
        raise OracleRefusal("Enough", [], "nothing")

    monkeypatch.setattr(RhEmo, "pretrain", note)
    other_fold = first.fold.model_copy(update={"index": 2})
    steps = (last.previous, replace(last, previous=None))
    for fold in (first.fold, other_fold):
        for one in (*steps, *(replace(step, seed=4) for step in steps)):
            with pytest.raises(OracleRefusal):
                run(replace(one, fold=fold), execution)
            parts = open_fold(first.audio, fold, execution)
            assert np.array_equal(seen[-1].train.rows, parts.train)
            assert np.array_equal(seen[-1].validation.rows, parts.validation)
    assert len(set(draws)) == 8, "each fold, step and seed has draws of its own"


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def test_a_killed_one_goes_on_from_its_checkpoint_to_the_same_bits(
    execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = pretraining_of(round_0(execution, UNSUPERVISED))
    run_all(stage, execution)
    expected = {
        name: np.array(value) for name, value in dict(pretrained_weights(stage, execution) or {}).items()
    }
    eager = replace(execution, store=f"{execution.store}-killed", checkpoint_seconds=0)
    again = pretraining_of(round_0(eager, UNSUPERVISED))
    run_all(again.features, eager)
    save = Checkpoint.save

    def killing(self: Checkpoint, arrays: Any, values: Any) -> None:
        save(self, arrays, values)
        raise Killed

    monkeypatch.setattr(Checkpoint, "save", killing)
    with pytest.raises(Killed):
        run(again, eager)
    monkeypatch.setattr(Checkpoint, "save", save)
    record = run(again, eager)
    assert again.key == stage.key
    assert record.details["resumed"] == 1
    made = pretrained_weights(again, eager)
    assert made is not None
    assert set(made) == set(expected)
    assert all(np.array_equal(made[name], value) for name, value in expected.items())
    assert list((Path(eager.store) / "checkpoints").iterdir()) == []


def test_one_that_stands_is_not_made_again(execution: Execution, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = pretraining_of(round_0(execution, UNSUPERVISED))
    run_all(stage, execution)
    before = Store(execution.store).need(stage.key).finished
    monkeypatch.setattr(RhEmo, "pretrain", None)
    assert run(stage, execution).finished == before
