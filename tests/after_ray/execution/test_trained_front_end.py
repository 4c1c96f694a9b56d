"""A whole trajectory that trains everything from waveforms, started by clustering frozen front-end output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from after_ray.environment import Execution, fix_threads
from after_ray.execution import run
from after_ray.execution.corpus import open_corpus
from after_ray.execution.features import open_features
from after_ray.store import MODEL_FILE, Store
from tests.after_ray.execution.chains import TRANSFORMER, chain

EVERYTHING = TRANSFORMER.model_copy(update={"freeze_front_end": False, "freeze_projection": False})


@pytest.mark.slow
def test_a_trajectory_trains_everything_from_one_copy_of_the_waveforms(tmp_path: Path) -> None:
    fix_threads(1)
    execution = Execution(str(tmp_path / "store"), str(tmp_path / "cache"))
    last = chain(execution, EVERYTHING)
    run(last, execution)
    store, first = Store(execution.store), last.first
    assert first.initial_features is not None
    assert store.need(first.features.key).meaning["features"]["kind"] == "waveform"
    assert store.need(first.initial_features.key).meaning["features"]["kind"] == "front_end"
    waves, audio = open_features(first.features, execution), open_corpus(first.audio, execution).audio
    assert all(np.array_equal(waves[row], audio[row][:160_000]) for row in range(len(audio)))
    weights = store.arrays(store.need(last.key), MODEL_FILE)
    assert {name.split(".")[0] for name in weights} == {"front_end", "projection", "encoder", "head"}
    assert store.need(first.key).details["clusters"] >= 1
    assert 0 <= store.need(last.key).measures["ua"] <= 1
