"""Rounds of the official code: its selection and its order of training, from the stage to the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.classifiers._settings import FunctionalsSettings, PooledTransformerSettings
from after_ray.environment import Execution
from after_ray.execution import run
from after_ray.stages import NextRoundStage
from after_ray.store import Record
from after_ray.training.settings import FittingSettings
from tests.after_ray.execution.chains import SIZES, chain, first_round, prepared, run_needs

OFFICIAL = FittingSettings(
    max_epochs=3, min_updates=0, evaluations_per_epoch=1, keep="last", class_weights="inverse_frequency",
    batch_size=5, drop_last=True, order="acquired",
)  # fmt: skip


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    return Execution(str(tmp_path / "store"), str(tmp_path / "cache"), device="cpu")


def acquired(record: Record) -> list[str]:
    return list(record.details["acquired"])


def test_the_selector_of_a_stage_picks(execution: Execution) -> None:
    """Of a pool this small numpy sorts all, so that only the order tells the official call from the exact."""
    exact = chain(execution, FunctionalsSettings(), "pretrained").chain[1]
    assert isinstance(exact, NextRoundStage)
    official = NextRoundStage(exact.first, exact.size, "entropy", "pretrained", "official_argpartition")
    by_score, by_pool = acquired(run(exact, execution)), acquired(run(official, execution))
    assert by_score != sorted(by_score)
    assert by_pool == sorted(by_score)


def test_a_chain_of_the_official_code_runs_and_is_counted_as_it_trains(execution: Execution) -> None:
    first = first_round(
        prepared(execution), PooledTransformerSettings(fitting=OFFICIAL, drop_last_frame=True)
    )
    run_needs(first, execution)
    run(first, execution)
    last = NextRoundStage(first, SIZES[1], "entropy", "pretrained", "official_argpartition")
    record = run(last, execution)
    assert record.measures["updates"] == OFFICIAL.max_epochs * (SIZES[1] // OFFICIAL.batch_size)
    assert record.measures["epochs"] == OFFICIAL.max_epochs
    assert record.meaning["selector"] == "official_argpartition"
    assert acquired(record) == sorted(acquired(record))
