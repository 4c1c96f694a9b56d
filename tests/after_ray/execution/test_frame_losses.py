"""Frame losses through the real chain: computed once per adapted backbone, and what `alps` picks by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from after_ray.backbones.settings import BackboneSettings
from after_ray.environment import Execution, fix_threads
from after_ray.execution import run
from after_ray.execution.folds import open_fold
from after_ray.execution.frame_losses import open_frame_losses
from after_ray.stages import MADE_BY_DRIVER, FirstRoundStage, NextRoundStage, Stage, collect
from after_ray.store import Store
from tests.after_ray.execution.chains import BACKBONE, TRANSFORMER, first_round, prepared

pytestmark = pytest.mark.slow
HUBERT = BackboneSettings(
    config={
        **{
            k: v
            for k, v in (BACKBONE.config or {}).items()
            if k not in ("num_codevectors_per_group", "codevector_dim", "proj_codevector_dim")
        },
        "model_type": "hubert",
    }
)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    fix_threads(1)


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    return Execution(str(tmp_path / "store"), str(tmp_path / "cache"), device="cpu")


def first_of(execution: Execution, backbone: BackboneSettings, adapted: bool) -> FirstRoundStage:
    first = first_round(prepared(execution), TRANSFORMER)
    assert first.adapted is not None
    adaptation = (
        replace(
            first.adapted,
            backbone=backbone,
            adaptation=first.adapted.adaptation.model_copy(update={"clusters": 8}),
        )
        if adapted
        else None
    )
    return replace(first, backbone=backbone, adapted=adaptation)


def run_all(last: NextRoundStage, execution: Execution) -> None:
    """Everything below, then the rounds."""
    found: dict[str, Stage] = {}
    collect(last, found)
    for stage in found.values():
        if not isinstance(stage, MADE_BY_DRIVER):
            run(stage, execution)


@pytest.mark.parametrize(("backbone", "adapted"), [(BACKBONE, True), (BACKBONE, False), (HUBERT, True)])
def test_alps_runs_to_a_result(execution: Execution, backbone: BackboneSettings, adapted: bool) -> None:
    first = first_of(execution, backbone, adapted)
    last = NextRoundStage(NextRoundStage(first, 16, "alps", "pretrained"), 24, "alps", "pretrained")
    run_all(last, execution)
    store = Store(execution.store)
    assert first.frame_losses is not None
    losses = open_frame_losses(first.frame_losses, execution)
    fold = open_fold(first.audio, first.fold, execution)
    print(losses.shape, store.need(first.frame_losses.key).measures, (losses > 0).mean())
    assert losses.shape == (len(fold.train), 64)
    assert (losses.max(axis=1) > 0).all()
    assert len(store.need(last.key).details["acquired"]) == 8
    assert store.need(last.key).details["clusters"] == 8
    assert first.frame_losses.key in store.need(last.key).parents
