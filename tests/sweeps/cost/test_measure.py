"""A short measurement runs what is unknown, keeps it, and measures nothing that stands for something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.stages import FrameLossesStage, PretrainingStage
from after_ray.store import Store
from sweeps.cost.clips import Corpora
from sweeps.cost.estimate import estimate
from sweeps.cost.measure import NoSuchGpu, measure, unmeasured
from sweeps.cost.pieces import surprise
from sweeps.cost.work import Works
from tests.sweeps.cost.small import finish, manifest, plan

EVERY_KIND = ["functionals", {"name": "light_sernet", "steps": 5}, {"name": "pooled_transformer"}]


def test_one_stage_stands_for_each_group_that_is_not_known(tmp_path: Path) -> None:
    store, made = Store(tmp_path), plan(classifier=EVERY_KIND, seed=[0, 1])
    kinds = sorted(piece.kind for piece in unmeasured([made], [manifest()], store, set()))
    assert kinds == ["adaptation", *["features"] * 3, *["round"] * 3]
    assert unmeasured([made], [manifest()], store, made.keys) == []
    finish(plan(seed=[1, 2]), store)
    left = unmeasured([made], [manifest()], store, store.ledger.finished())
    assert sorted(piece.kind for piece in left) == ["features", "features", "round", "round"]


def test_clustering_is_work_that_is_measured_and_a_draw_is_not(tmp_path: Path) -> None:
    store, made = Store(tmp_path), plan(classifier=["functionals"], initialization=[{"name": "clustering"}])
    kinds = sorted(piece.kind for piece in unmeasured([made], [manifest()], store, set()))
    assert kinds == ["choice", "features", "round"]
    before = estimate([made], [manifest()], store, set())
    assert any(
        line.startswith("choose by clustering") and "not counted" in line for line in before.rests_on()
    )
    found = measure([made], [manifest()], store, set(), budget=0.5)
    choices = [one for one in found if one.group.what == "choose by clustering"]
    assert all(0 < one.operations <= len(manifest()) for one in choices), "clips of parts of the pool"
    assert unmeasured([made], [manifest()], store, set()) == []
    told = estimate([made], [manifest()], store, set())
    smallest = min(one.seconds for one in choices)
    assert told.by_kind["first_round"][1] * 3600 > smallest, "a round 0 takes its choice as well"
    assert any(
        line.startswith("choose by clustering on cpu: measured, 3 short runs") for line in told.rests_on()
    )
    assert not any("choose by random" in line for line in told.rests_on())


def test_an_error_is_claimed_of_trials_only(tmp_path: Path) -> None:
    store, made = Store(tmp_path), plan(classifier=["functionals"], strategy=["random"])
    measure([made], [manifest()], store, set(), budget=0.5)
    assert estimate([made], [manifest()], store, set()).error is None
    finish(plan(classifier=["functionals"], strategy=["random"], seed=[1, 2, 3]), store)
    assert estimate([made], [manifest()], store, store.ledger.finished()).error is not None


def test_without_the_studys_gpu_nothing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    store, made = Store(tmp_path), plan(resources={"cpu": 1, "gpu": 1})
    with pytest.raises(NoSuchGpu, match="has none"):
        measure([made], [manifest()], store, set())
    assert not (tmp_path / "rates").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "own",
    [
        {"name": "tapt", "objective": "quantizer"},
        {"name": "tapt", "objective": "clusters", "clusters": 4, "cluster_frames": 200},
        {"name": "pseudo_tapt", "codebooks": [4], "frame_width": 16},
    ],
    ids=["quantizer", "clusters", "pseudo_labels"],
)
def test_every_kind_of_work_is_measured_once(tmp_path: Path, own: dict[str, object]) -> None:
    store = Store(tmp_path)
    adaptation = {"steps": 10, "batch_seconds": 20, **own}
    schedule = [100] if own["name"] == "pseudo_tapt" else [10, 20, 40]
    every = [*EVERY_KIND, {"name": "w2v2_l_r_12"}]
    made = plan(classifier=every, adaptation=[adaptation], schedule=schedule)
    found = measure([made], [manifest()], store, set(), budget=4.0)
    assert {one.group.what.split()[0] for one in found} == {"adapt", "make", "train", "score"}
    assert all(one.seconds > 0 and one.operations > 0 for one in found)
    assert measure([made], [manifest()], store, set()) == [], "everything is known now"
    told = estimate([made], [manifest()], store, set())
    assert told.basis == "measured"
    assert told.error is None, "how far off short runs are is not known before trials have run"


@pytest.mark.slow
def test_pretrainings_and_what_starts_from_them_are_measured_and_counted(
    tmp_path: Path,
) -> None:
    emotion = {"head_width": 8, "steps": 7}
    store, made = Store(tmp_path), plan(classifier=[{"name": "rh_emo", "emotion": emotion}], schedule=[100])
    pieces = unmeasured([made], [manifest()], store, set())
    assert sorted(piece.kind for piece in pieces) == ["features", "pretraining", "pretraining", "round"]
    found = measure([made], [manifest()], store, set(), budget=8.0)
    works = Works(Corpora([made], [manifest()]))
    for stage in made.of_kind(PretrainingStage).values():
        (phase,) = works.of(stage)
        assert [one for one in found if one.group == phase.group]
    assert unmeasured([made], [manifest()], store, set()) == []
    told = estimate([made], [manifest()], store, set())
    assert told.basis == "measured"
    assert told.storage.parts["pretraining"] == 2 * 386 * 4
    assert told.by_kind["pretraining"][1] > 0


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["quantizer", "clusters"])
def test_frame_losses_are_measured_and_counted(tmp_path: Path, objective: str) -> None:
    adaptation = {"name": "tapt", "steps": 10, "objective": objective}
    made = plan(strategy=["alps"], adaptation=[adaptation])
    pieces = unmeasured([made], [manifest()], Store(tmp_path), set())
    assert [piece.stage.kind for piece in pieces].count("frame_losses") == 1
    (stage,) = made.of_kind(FrameLossesStage).values()
    assert isinstance(stage, FrameLossesStage)
    found = surprise(stage, manifest(), "cpu", budget=1.0)
    (phase,) = Works(Corpora([made], [manifest()])).of(stage)
    assert {one.group for one in found} == {phase.group}
    assert all(one.operations > 0 and one.seconds > 0 for one in found)
    told = estimate([made], [manifest()], Store(tmp_path), set())
    clips = len(made.splits[0].table.folds[0].train)
    assert told.storage.parts["frame_losses"] == clips * (64 * 4 + 8)
    naive, planned = told.by_kind["frame_losses"]
    assert naive == pytest.approx(2 * planned), "two of three cells come after round 0"
