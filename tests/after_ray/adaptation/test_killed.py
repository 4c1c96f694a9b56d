"""A killed adaptation is continued and recorded once; a failed one has no record and nothing runs on it."""

from __future__ import annotations

import multiprocessing
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from after_ray.adaptation.settings import TaptSettings
from after_ray.environment import Execution, fix_threads
from after_ray.errors import CollapsedAdaptation, DivergedTraining
from after_ray.execution import run
from after_ray.execution.adaptation import WEIGHTS_FILE, adapted_weights
from after_ray.files import sha256_of
from after_ray.stages import AdaptationStage, AudioStage
from after_ray.store import Record, Store
from after_ray.store.artifacts import MappedArrays
from tests.after_ray.execution.chains import TRANSFORMER, first_round, prepared, run_and_die

SETTINGS = TaptSettings(steps=30, batch_seconds=8, max_seconds=2, negatives=5)
QUANTIZER = ("num_codevectors_per_group", "codevector_dim", "proj_codevector_dim")


def adaptation(audio: AudioStage, family: str, **changes: object) -> AdaptationStage:
    stage = first_round(audio, TRANSFORMER).adapted
    assert stage is not None
    backbone = stage.backbone
    if family == "hubert":
        known = {name: value for name, value in (backbone.config or {}).items() if name not in QUANTIZER}
        backbone = backbone.model_copy(update={"config": {**known, "model_type": "hubert"}})
    settings = SETTINGS.model_copy(update={"clusters": 8, **changes})
    return replace(stage, backbone=backbone, adaptation=settings)


def execution(folder: Path, name: str, seconds: float = 0) -> Execution:
    return Execution(
        store=str(folder / name), cache=str(folder / "cache"), checkpoint_seconds=seconds or 1e-9
    )


def bits(record: Record, done: Execution) -> dict[str, bytes]:
    stored = Store(done.store).arrays(record, WEIGHTS_FILE)
    return {name: np.asarray(value).tobytes() for name, value in stored.items()}


@pytest.mark.chaos
@pytest.mark.parametrize("family", ["wav2vec2", "hubert"])
def test_an_adaptation_killed_in_the_middle_ends_with_the_same_record(tmp_path: Path, family: str) -> None:
    fix_threads(1)
    plain, killed = execution(tmp_path, "plain", seconds=300), execution(tmp_path, "killed")
    expected = run(adaptation(prepared(plain), family), plain)
    stage = adaptation(prepared(killed), family)
    _killed(stage, killed, saves=12)
    assert Store(killed.store).find(stage.key) is None
    record = run(stage, killed)
    assert record.key == expected.key
    assert bits(record, killed) == bits(expected, plain)
    assert record.measures == expected.measures
    assert {**record.details, "resumed": 0} == {**expected.details, "resumed": 0}
    assert (expected.details["resumed"], record.details["resumed"]) == (0, 1)
    assert record.seconds["total"] > record.finished - record.started, "the time before the kill is in it"
    assert list((Path(killed.store) / "checkpoints").iterdir()) == []


def _killed(stage: AdaptationStage, done: Execution, saves: int) -> None:
    process = multiprocessing.get_context("spawn").Process(target=run_and_die, args=(stage, done, saves))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_the_record_says_what_was_adapted_and_how(tmp_path: Path) -> None:
    fix_threads(1)
    done = execution(tmp_path, "store", seconds=300)
    stage = adaptation(prepared(done), "hubert", steps=4)
    record = run(stage, done)
    assert record.details["objective"] == "clusters"
    assert record.details["backbone"]["model_type"] == "hubert"
    assert (record.details["precision"], record.details["resumed"]) == ("fp32", 0)
    assert record.details["compiled"] is False
    assert [point["step"] for point in record.details["history"]] == [1, 2, 3, 4]
    weights = adapted_weights(stage, done)
    assert isinstance(weights, MappedArrays), "no trial holds them"
    (copy,) = Path(done.cache).glob("*.safetensors")
    assert sha256_of(copy) == record.files[WEIGHTS_FILE].sha256
    copy.unlink()
    stored = Store(done.store).arrays(record, WEIGHTS_FILE)
    assert weights.keys() == stored.keys()
    assert all(np.array_equal(weights[name], stored[name]) for name in stored), (
        "an evicted copy stays readable"
    )
    assert "other" not in weights


FAILING = {
    "diverged": ({"learning_rate": 1e30, "warmup_steps": 0}, DivergedTraining),
    "collapsed": ({"learning_rate": 0.1, "diversity_weight": 0.0, "steps": 300}, CollapsedAdaptation),
}


@pytest.mark.parametrize("how", FAILING)
def test_a_failed_adaptation_leaves_no_record_and_no_checkpoint(tmp_path: Path, how: str) -> None:
    fix_threads(1)
    changes, error = FAILING[how]
    done = execution(tmp_path, "store")
    stage = adaptation(prepared(done), "wav2vec2", **changes)
    with pytest.raises(error):
        run(stage, done)
    store = Store(done.store)
    assert store.find(stage.key) is None
    assert not (store.root / "checkpoints" / stage.key).exists()
    assert stage.key not in store.ledger.finished()
