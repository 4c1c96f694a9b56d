"""A finished adaptation as a folder: the adapted weights, what they were trained on, and what came before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from after_ray.adaptation.settings import TaptSettings
from after_ray.backbones.identity import resolve
from after_ray.backbones.loading import arrays, build, build_for_adaptation
from after_ray.backbones.settings import BackboneSettings
from after_ray.environment import Execution, fix_threads
from after_ray.errors import DamagedStore
from after_ray.execution import run
from after_ray.execution.adaptation import HEADS_FILE, WEIGHTS_FILE
from after_ray.execution.exported import export_adapted
from after_ray.stages import AdaptationStage
from after_ray.store import Store
from tests.after_ray.execution.chains import TAPT, TRANSFORMER, first_round, prepared

HEADS = {"project_context.weight": "project_hid.weight", "project_target.bias": "project_q.bias"}


def adaptation(execution: Execution, settings: TaptSettings = TAPT) -> AdaptationStage:
    fix_threads(1)
    stage = first_round(prepared(execution), TRANSFORMER).adapted
    assert stage is not None
    stage = replace(stage, adaptation=settings)
    run(stage, execution)
    return stage


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    return Execution(store=str(tmp_path / "store"), cache=str(tmp_path / "cache"))


def test_the_folder_holds_the_adapted_weights_with_their_heads(execution: Execution, tmp_path: Path) -> None:
    stage, store = adaptation(execution), Store(execution.store)
    told = export_adapted(stage, store, tmp_path / "made", "pre", ("b", "a"), 62.0)
    record = store.need(stage.key)
    adapted, heads = store.arrays(record, WEIGHTS_FILE), store.arrays(record, HEADS_FILE)
    named = resolve(BackboneSettings(name=str(tmp_path / "made")))
    loaded, whole = arrays(build(named)), arrays(build_for_adaptation(named))
    assert adapted.keys() == loaded.keys()
    assert all(np.array_equal(loaded[name], value) for name, value in adapted.items())
    assert not np.array_equal(arrays(build(stage.backbone))["masked_spec_embed"], loaded["masked_spec_embed"])
    for ours, theirs in {**HEADS, "quantizer.codevectors": "quantizer.codevectors"}.items():
        assert np.array_equal(whole[theirs], heads[ours]), ours
    assert named.origin == told
    assert told.heads
    assert told.began.random
    (trained,) = told.trainings
    assert (trained.key, trained.fold, trained.seed, trained.study) == (stage.key, 1, None, "pre")
    assert (trained.audio, trained.seconds, trained.corpus) == (("a", "b"), 62.0, "synthetic")
    assert trained.heard_seconds == record.measures["audio_seconds"]
    assert trained.adaptation == stage.adaptation.meaning()


def test_an_objective_without_quantiser_gives_no_heads(execution: Execution, tmp_path: Path) -> None:
    stage = adaptation(
        execution, TAPT.model_copy(update={"objective": "clusters", "clusters": 4, "negatives": 100})
    )
    told = export_adapted(stage, Store(execution.store), tmp_path / "made", "pre", ("b", "a"), 62.0)
    assert not told.heads
    names = (tmp_path / "made" / "model.safetensors").read_bytes()[:8000]
    assert b"quantizer" not in names
    assert b"encoder.layers.1" in names


def test_what_it_was_before_is_told_too(execution: Execution, tmp_path: Path) -> None:
    stage, store = adaptation(execution), Store(execution.store)
    first = export_adapted(stage, store, tmp_path / "first", "pre", ("b", "a"), 62.0)
    again = replace(stage, backbone=resolve(BackboneSettings(name=str(tmp_path / "first"))), seed=3)
    run(again, execution)
    second = export_adapted(again, store, tmp_path / "second", "more", ("a", "b"), 62.0)
    assert second.began == first.began
    assert [one.study for one in second.trainings] == ["pre", "more"]
    assert second.trainings[1].seed == 3
    assert not resolve(BackboneSettings(name=str(tmp_path / "second"))).pretrained


def test_a_named_beginning_stays_pretrained(execution: Execution, tmp_path: Path) -> None:
    stage, store = adaptation(execution), Store(execution.store)
    build_for_adaptation(stage.backbone).save_pretrained(tmp_path / "published")
    published = resolve(BackboneSettings(name=str(tmp_path / "published")))
    again = replace(stage, backbone=published)
    run(again, execution)
    told = export_adapted(again, store, tmp_path / "made", "pre", ("b", "a"), 62.0)
    assert (told.began.random, told.began.name) == (False, "published")
    assert told.began.identity == published.identity
    assert resolve(BackboneSettings(name=str(tmp_path / "made"))).pretrained


def test_weights_that_are_gone_are_no_folder(execution: Execution, tmp_path: Path) -> None:
    stage, store = adaptation(execution), Store(execution.store)
    store.drop(store.need(stage.key), WEIGHTS_FILE)
    with pytest.raises(DamagedStore, match="gone"):
        export_adapted(stage, store, tmp_path / "made", "pre", ("b", "a"), 62.0)
    assert not (tmp_path / "made").exists()
