"""A trajectory killed in the middle of its rounds ends with the bits of an undisturbed one."""

from __future__ import annotations

import multiprocessing
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from after_ray.classifiers._settings import (
    ClassifierSettings,
    FunctionalsSettings,
    GlamSettings,
    LightSerNetSettings,
)
from after_ray.classifiers.functionals import FunctionalsClassifier
from after_ray.environment import Execution, fix_threads
from after_ray.errors import DivergedTraining
from after_ray.execution import run
from after_ray.learning.settings import Restart
from after_ray.store import Checkpoint, Store
from tests.after_ray.execution.chains import TRANSFORMER, chain, results, run_and_die

LIGHT = LightSerNetSettings(steps=6, evaluations=3, batch_size=8)
GLAM = GlamSettings(seconds=0.3, overlap=0.0, steps=6, evaluations=3, batch_size=8)


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    return Execution(store=str(tmp_path / "store"), cache=str(tmp_path / "cache"))


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("classifier", "restart"),
    [(TRANSFORMER, "previous"), (TRANSFORMER, "shrink_perturb"), (LIGHT, "previous"), (GLAM, "previous")],
    ids=["transformer", "transformer-shrink_perturb", "light_sernet", "glam"],
)
def test_rounds_killed_in_the_middle_end_with_the_same_bits(
    tmp_path: Path, classifier: ClassifierSettings, restart: Restart
) -> None:
    fix_threads(1)
    undisturbed = Execution(store=str(tmp_path / "plain"), cache=str(tmp_path / "cache"))
    expected = chain(undisturbed, classifier, restart)
    run(expected, undisturbed)
    execution = replace(undisturbed, store=str(tmp_path / "killed"), checkpoint_seconds=0)
    last = chain(execution, classifier, restart)
    for saves in (4, 6, 9, 3):  # training round 0, training round 1, round 3 just chosen, training it
        _killed(last, execution, saves)
    record = run(last, execution)
    assert results(execution, last) == results(undisturbed, expected)
    store = Store(execution.store)
    resumed = [store.need(stage.key).details["resumed"] for stage in last.chain]
    assert resumed == [1, 1, 0, 1], "trainings went on from their checkpoints"
    assert record.seconds["total"] >= record.seconds["train"] > 0
    assert list((Path(execution.store) / "checkpoints").iterdir()) == [], (
        "checkpoints of recorded rounds stay"
    )


def _killed(last: object, execution: Execution, saves: int) -> None:
    process = multiprocessing.get_context("spawn").Process(target=run_and_die, args=(last, execution, saves))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_what_a_kill_after_the_record_left_behind_is_removed(execution: Execution) -> None:
    last = chain(execution, FunctionalsSettings())
    run(last, execution)
    folder = Path(execution.store) / "checkpoints" / last.key
    Checkpoint(folder).save({}, {"details": {}, "seconds": {}})
    run(last, execution)
    assert not folder.exists()


def test_a_round_that_diverged_begins_anew(execution: Execution, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverging(
        self: FunctionalsClassifier, *parts: object, checkpoint: Checkpoint, **others: object
    ) -> None:
        checkpoint.save({}, {})
        raise DivergedTraining("training loss", float("nan"), 3)

    last = chain(execution, FunctionalsSettings())
    monkeypatch.setattr(FunctionalsClassifier, "fit", diverging)
    with pytest.raises(DivergedTraining):
        run(last, execution)
    assert not (Path(execution.store) / "checkpoints" / last.chain[0].key).exists()
