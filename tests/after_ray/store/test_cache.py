"""The node's cache: trials of one node share one copy, and the copies nobody used for longest go first."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from after_ray.environment import Execution
from after_ray.execution.features import open_features
from after_ray.features._settings import CepstralFeatures
from after_ray.ragged import write_ragged
from after_ray.stages import AudioStage, FeaturesStage
from after_ray.store import Draft, NodeCache, Store

FRAMES = 1_000  # float32: 4 kB a stage


@pytest.fixture
def stages(tmp_path: Path) -> list[FeaturesStage]:
    """Four finished features stages, each filled with its own number."""
    store = Store(tmp_path / "store")
    made = [FeaturesStage(AudioStage(str(number)), CepstralFeatures()) for number in range(4)]
    for number, stage in enumerate(made):
        with store.workspace(stage.key) as folder:
            row = np.full(FRAMES, number, dtype=np.float32)
            write_ragged(folder, "features", [row], np.array([FRAMES]), np.float32)
            store.commit(Draft(key=stage.key, kind=stage.kind, meaning=stage.meaning()), folder)
    return made


def trial(tmp_path: Path, limit: int = 10**9) -> Execution:
    return Execution(str(tmp_path / "store"), str(tmp_path / "cache"), cache_bytes=limit)


def copies(tmp_path: Path) -> set[int]:
    """Numbers of the stages whose values are on the node."""
    values = [np.load(path, mmap_mode="r") for path in (tmp_path / "cache").glob("*.npy")]
    return {int(value[0]) for value in values if len(value) == FRAMES}


def test_two_trials_of_a_node_map_one_copy(tmp_path: Path, stages: list[FeaturesStage]) -> None:
    first, second = (open_features(stages[0], trial(tmp_path)) for _ in range(2))
    files = [Path(features.values.filename) for features in (first, second)]  # type: ignore[attr-defined]
    assert files[0] == files[1]
    assert files[0].parent == tmp_path / "cache"
    assert files[0].stat().st_nlink == 1
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 2  # values and offsets


def test_the_copies_that_were_not_used_for_longest_go_first(
    tmp_path: Path, stages: list[FeaturesStage]
) -> None:
    held = open_features(stages[0], trial(tmp_path))
    for stage in stages[1:3]:
        open_features(stage, trial(tmp_path))
    long_ago = time.time() - 3600
    oldest_first = sorted((tmp_path / "cache").glob("*.npy"), key=lambda path: path.stat().st_mtime_ns)
    for number, path in enumerate(oldest_first):
        os.utime(path, (long_ago + number, long_ago + number))
    open_features(stages[0], trial(tmp_path))  # used again: the oldest is now that of stage 1
    open_features(stages[3], trial(tmp_path, limit=3 * 4_200 + 1_000))
    assert copies(tmp_path) == {0, 2, 3}
    assert held[0][0] == 0


def test_an_evicted_copy_stays_readable_for_whoever_has_it_mapped(
    tmp_path: Path, stages: list[FeaturesStage]
) -> None:
    held = open_features(stages[2], trial(tmp_path))
    for path in (tmp_path / "cache").glob("*.npy"):
        os.utime(path, (1, 1))
    open_features(stages[3], trial(tmp_path, limit=1))
    assert copies(tmp_path) == {3}
    assert held[0].tolist() == [2.0] * FRAMES
    assert NodeCache(tmp_path / "cache").fetch(
        Store(tmp_path / "store"), Store(tmp_path / "store").need(stages[2].key), "features.values.npy"
    )


def test_folders_in_the_cache_are_left_alone(tmp_path: Path, stages: list[FeaturesStage]) -> None:
    """As a bucket's folder of this node is, where both are told to lie in one."""
    (tmp_path / "cache" / "stores").mkdir(parents=True)
    os.utime(tmp_path / "cache" / "stores", (1, 1))
    open_features(stages[3], trial(tmp_path, limit=1))
    assert (tmp_path / "cache" / "stores").is_dir()


def test_a_copy_that_was_damaged_is_made_anew(tmp_path: Path, stages: list[FeaturesStage]) -> None:
    store, cache = Store(tmp_path / "store"), NodeCache(tmp_path / "cache")
    record = store.need(stages[2].key)
    name = "features.values.npy"
    copy, whole = cache.fetch(store, record, name), store.path(record, name).read_bytes()
    copy.write_bytes(whole[:-8])
    assert cache.fetch(store, record, name).read_bytes() == whole, "another size"
    copy.write_bytes(b"x" + whole[1:])
    assert cache.fetch(store, record, name).read_bytes() != whole, "a digest takes time where it is large"
    assert cache.fetch(store, record, name, verified=True).read_bytes() == whole
