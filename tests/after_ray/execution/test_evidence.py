"""A strategy gets what it asks of unlabelled utterances, from stages that its rounds then rest on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from after_ray.classifiers._settings import FunctionalsSettings
from after_ray.environment import Execution, fix_threads
from after_ray.execution import run
from after_ray.execution.features import open_summaries
from after_ray.execution.folds import open_fold
from after_ray.initialization._settings import RandomSettings
from after_ray.stages import FirstRoundStage, NextRoundStage
from after_ray.store import Store
from tests.after_ray.execution.asking import SUMMARIES, Summaries
from tests.after_ray.execution.chains import first_round, prepared, run_needs


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    fix_threads(1)


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    return Execution(str(tmp_path / "store"), str(tmp_path / "cache"), device="cpu")


def begin_at_random(first: FirstRoundStage) -> FirstRoundStage:
    """The same round 0 with a random choice, which asks for no features itself."""
    return FirstRoundStage(
        first.audio, first.fold, first.classifier, RandomSettings(), first.size, first.seed, first.backbone
    )


def test_summaries_are_those_of_the_pool_and_of_the_labelled(execution: Execution) -> None:
    first = begin_at_random(first_round(prepared(execution), FunctionalsSettings()))
    last = NextRoundStage(first, 16, SUMMARIES, "pretrained")
    run_needs(first, execution)
    Summaries.given.clear()
    record = run(last, execution)
    (given,) = Summaries.given
    everything = open_summaries(first.summaries, execution)
    fold = open_fold(first.audio, first.fold, execution)
    assert np.array_equal(given.summaries, everything[given.ids])
    assert set(given.ids) < set(fold.train)
    labelled = np.setdiff1d(fold.train, given.ids)
    assert sorted(map(tuple, given.labelled.summaries)) == sorted(map(tuple, everything[labelled]))
    assert first.summaries.key in record.parents
    highest = given.ids[np.argsort(-given.summaries[:, 0], kind="stable")[:8]]
    names = Store(execution.store).need(last.key).details["acquired"]
    assert len(names) == len(highest) == 8
