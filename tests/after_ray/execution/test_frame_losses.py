"""Frame losses through the real chain: computed once per adapted backbone, and what `alps` picks by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from after_ray.acquisition import PoolEvidence
from after_ray.acquisition.alps import Alps
from after_ray.backbones.settings import BackboneSettings
from after_ray.environment import Execution, fix_threads
from after_ray.errors import LostHeads, Tripped
from after_ray.execution import adaptation, run
from after_ray.execution import frame_losses as module
from after_ray.execution.folds import open_fold
from after_ray.execution.frame_losses import open_frame_losses
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.stages import MADE_BY_DRIVER, FirstRoundStage, FrameLossesStage, NextRoundStage, Stage, collect
from after_ray.store import Store
from tests.after_ray.execution.chains import BACKBONE, TRANSFORMER, first_round, prepared

pytestmark = pytest.mark.slow
QUANTIZER = ("num_codevectors_per_group", "codevector_dim", "proj_codevector_dim")
HUBERT = BackboneSettings(
    config={
        **{name: value for name, value in (BACKBONE.config or {}).items() if name not in QUANTIZER},
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
    settings = first.adapted.adaptation.model_copy(update={"clusters": 8})
    stage = replace(first.adapted, backbone=backbone, adaptation=settings) if adapted else None
    return replace(first, backbone=backbone, adapted=stage)


def by_alps(first: FirstRoundStage) -> NextRoundStage:
    return NextRoundStage(NextRoundStage(first, 16, "alps", "pretrained"), 24, "alps", "pretrained")


def run_all(last: NextRoundStage, execution: Execution) -> None:
    """What the rounds rest on, what is needed before what needs it, and the rounds."""
    found: dict[str, Stage] = {}
    collect(last, found)
    for stage in found.values():
        if not isinstance(stage, MADE_BY_DRIVER):
            run(stage, execution)


@pytest.mark.parametrize(
    ("backbone", "adapted"),
    [(BACKBONE, True), (BACKBONE, False), (HUBERT, True)],
    ids=["adapted", "as it was", "clusters"],
)
def test_alps_picks_by_the_losses_of_the_train_part(
    execution: Execution, backbone: BackboneSettings, adapted: bool
) -> None:
    first = first_of(execution, backbone, adapted)
    last = by_alps(first)
    run_all(last, execution)
    store = Store(execution.store)
    made = asked(last)
    losses = open_frame_losses(made, execution)
    fold = open_fold(first.audio, first.fold, execution)
    assert losses.shape == (len(fold.train), 64)
    assert np.isfinite(losses).all()
    assert (losses.max(axis=1) > 0).mean() > 0.9
    record, middle, start = (store.need(stage.key) for stage in reversed(last.chain))
    assert made.key in record.parents
    names = store.arrays(store.need(made.key), "frame_losses.safetensors")["rows"]
    assert np.array_equal(names, fold.train)
    acquired = [rows_of(execution, first, one.details["acquired"]) for one in (start, middle, record)]
    pool = np.setdiff1d(fold.train, np.concatenate(acquired[:2]))
    generator = SeedTree(first.seed).child("fold", first.fold.index, "acquire", last.size).generator()
    evidence = PoolEvidence(len(pool), frame_losses=losses[np.searchsorted(fold.train, pool)])
    again = Alps().select(evidence, 8, generator)
    assert np.array_equal(pool[again.positions], acquired[2])
    assert record.details["acquisition"] == {"clusters": 8, "drawn": 0}


def rows_of(execution: Execution, first: FirstRoundStage, names: list[str]) -> np.ndarray:
    from after_ray.execution.corpus import open_corpus

    table = open_corpus(first.audio, execution).manifest.table
    return table.set_index("utterance").index.get_indexer(names)


def test_an_adaptation_from_before_heads_were_kept_says_what_to_do(
    execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = first_of(execution, BACKBONE, adapted=True)
    assert first.adapted is not None
    monkeypatch.setattr(adaptation, "HEADS_FILE", "another.safetensors")
    record = run(first.adapted, execution)
    monkeypatch.undo()
    with pytest.raises(LostHeads, match=f"{first.adapted.key[:12]}.*remove its folder .*{record.folder}"):
        run(asked(by_alps(first)), execution)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_no_utterance_outside_train_can_be_heard(
    execution: Execution, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    first = first_of(execution, BACKBONE, adapted=False)
    fold = open_fold(first.audio, first.fold, execution)
    leaking = int(getattr(fold, part)[0])

    def leak(objective: object, settings: object, audio: Ragged, *others: object) -> None:
        audio[leaking]

    monkeypatch.setattr(module, "frame_losses", leak)
    with pytest.raises(Tripped, match="frame losses"):
        run(asked(by_alps(first)), execution)


def test_seeds_and_strategies_share_them_and_adapted_backbones_do_not(execution: Execution) -> None:
    first = first_of(execution, BACKBONE, adapted=True)
    assert first.adapted is not None
    other_seed = replace(first, seed=first.seed + 1)
    assert (
        keys(by_alps(first))
        == keys(by_alps(other_seed))
        == keys(NextRoundStage(first, 9, "alps", "previous"))
    )
    per_seed = replace(first, adapted=replace(first.adapted, seed=3))
    assert len({keys(by_alps(one)) for one in (first, per_seed, replace(first, adapted=None))}) == 3


def keys(last: NextRoundStage) -> str:
    return asked(last).key


def asked(last: NextRoundStage) -> FrameLossesStage:
    (stage,) = last.evidence.values()
    assert isinstance(stage, FrameLossesStage)
    return stage
