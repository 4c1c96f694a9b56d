"""Files of a user's own that change while a run goes on: nothing of it is recorded under the old key."""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from after_ray.classifiers import Trained
from after_ray.classifiers._settings import ClassifierSettings, FunctionalsSettings
from after_ray.environment import Execution, fix_threads
from after_ray.errors import ChangedCode
from after_ray.execution import run
from after_ray.initialization._settings import RandomSettings
from after_ray.stages import FirstRoundStage, NextRoundStage, PretrainingStage, Stage
from after_ray.store import Store
from tests.after_ray.classifiers.own_page import write_files
from tests.after_ray.execution.chains import first_round, prepared, run_needs

SETTINGS: TypeAdapter[Trained] = TypeAdapter(ClassifierSettings)
# Each changes its own file when its work is half done.
RESTLESS = """\
from pathlib import Path
from after_ray.acquisition.random import Random
from after_ray.classifiers import PretrainingStep
from mine import Nearest, NearestSettings


def change():
    with Path(__file__).open("a") as file:
        file.write("# changed\\n")


class Fitting(Nearest):
    def fit(self, train, validation, *, checkpoint, **rest):
        checkpoint.save({}, {"half": "done"})
        change()
        return super().fit(train, validation, checkpoint=checkpoint, **rest)


class Picking(Random):
    def _select(self, evidence, budget, generator):
        change()
        return super()._select(evidence, budget, generator)


class Look(PretrainingStep):
    pass


class LookingSettings(NearestSettings):
    @property
    def pretraining(self):
        return (Look(name="look"),)


class Looking(Nearest):
    settings_model = LookingSettings

    @classmethod
    def pretrain(cls, step, inputs, **rest):
        change()
        from after_ray.classifiers import FitReport, Pretrained
        return Pretrained({}, FitReport(0, 0.0, 0.5, "solved"))
"""
PLAIN = "from after_ray.acquisition.random import Random\n\n\nclass Plain(Random): ...\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_files(tmp_path, monkeypatch, restless=RESTLESS, plain=PLAIN)
    fix_threads(1)
    return tmp_path


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    return Execution(str(tmp_path / "store"), str(tmp_path / "cache"), device="cpu")


@pytest.fixture
def begin(files: Path, execution: Execution) -> Callable[[str], FirstRoundStage]:
    def made(name: str) -> FirstRoundStage:
        settings = SETTINGS.validate_python({"name": name})
        given = first_round(prepared(execution), settings)
        first = FirstRoundStage(given.audio, given.fold, settings, RandomSettings(), 8, 5)
        run_needs(first, execution)
        return first

    return made


def refused(stage: Stage, execution: Execution, file: Path) -> None:
    """A worker, to which the stage travels with its key, records nothing of it."""
    key, travelled = stage.key, pickle.loads(pickle.dumps(stage))
    with pytest.raises(
        ChangedCode, match=f"^{re.escape(str(file))} changed while .* run the same command again"
    ):
        run(travelled, execution)
    store = Store(execution.store)
    assert store.find(key) is None
    assert store.checkpoint(key, 0.0).load() is None


def change(file: Path) -> None:
    with file.open("a") as opened:
        opened.write("# changed\n")


def test_a_classifier_that_changed_before_its_work_is_refused(
    files: Path, execution: Execution, begin: Callable[[str], FirstRoundStage]
) -> None:
    first = begin("mine:Nearest")
    last = NextRoundStage(first, 12, "random", "pretrained")
    assert last.key
    run(first, execution)
    change(files / "mine.py")
    refused(last, execution, files / "mine.py")
    assert Store(execution.store).find(first.key) is not None, "what was recorded before stands"


def test_a_strategy_that_changed_before_its_work_is_refused(
    files: Path, execution: Execution, begin: Callable[[str], FirstRoundStage]
) -> None:
    last = NextRoundStage(begin("functionals"), 12, "plain:Plain", "pretrained")
    assert last.key
    change(files / "plain.py")
    refused(last, execution, files / "plain.py")
    assert Store(execution.store).find(last.first.key) is not None, "round 0 has nothing of it"


@pytest.mark.parametrize("kind", ["classifier", "strategy", "pretraining"])
def test_what_changes_during_the_work_is_refused_when_it_is_done(
    files: Path, execution: Execution, begin: Callable[[str], FirstRoundStage], kind: str
) -> None:
    stage: Stage | None
    if kind == "classifier":
        stage = begin("restless:Fitting")
    elif kind == "strategy":
        stage = NextRoundStage(begin("functionals"), 12, "restless:Picking", "pretrained")
    else:
        first = begin("restless:Looking")
        stage = PretrainingStage.of(first.audio, first.fold, first.features, first.classifier, 0)
    assert stage is not None
    refused(stage, execution, files / "restless.py")


def test_a_process_that_loaded_the_old_file_makes_nothing_of_the_new_one(
    files: Path,
    execution: Execution,
    begin: Callable[[str], FirstRoundStage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would go on with the old code, whatever the new key says."""
    first = begin("functionals")
    run(NextRoundStage(first, 12, "plain:Plain", "pretrained"), execution)
    change(files / "plain.py")
    anew = NextRoundStage(first, 12, "plain:Plain", "pretrained")
    refused(anew, execution, files / "plain.py")
    monkeypatch.delitem(sys.modules, "plain")  # a process of its own, as the next run has
    run(anew, execution)
    assert Store(execution.store).find(anew.key) is not None


def test_without_code_of_ones_own_no_file_is_read(
    execution: Execution, begin: Callable[[str], FirstRoundStage], monkeypatch: pytest.MonkeyPatch
) -> None:
    from after_ray.stages import _base

    def read(path: str) -> dict[str, str]:
        raise AssertionError("no file is read")

    monkeypatch.setattr(_base, "code_digests", read)
    first = begin("functionals")
    assert first.classifier == FunctionalsSettings()
    run(NextRoundStage(first, 12, "entropy", "pretrained"), execution)
