"""Whole launches into a bucket: the results of a folder, whatever is killed, and few requests."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from after_ray.preemption import NOTICE
from after_ray.store import Store
from after_ray.store.merging import merge_store
from sweeps.cli import app
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.reporting.report import read_results
from sweeps.running.studies import prepare
from tests.buckets import ADDRESS, Asked, buckets_in_memory
from tests.faults.driver import Driver, Killed, Tracker
from tests.faults.moments import Watched
from tests.faults.small import Small, results
from tests.sweeps.small import small_study

BUCKET = f"{ADDRESS}/stores/one"
LARGER = {"fold": "all", "seed": "0..5"}  # 36 trajectories, 108 cells


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    buckets_in_memory(tmp_path / "node", monkeypatch)
    return BUCKET


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
    NOTICE.withdraw()


def ran_in(store: str | Path, study: Path, folder: Path) -> OpenStudy:
    """The study, run without a fault."""
    opened = open_study(study, store)
    prepare(opened)
    with pytest.MonkeyPatch.context() as patch:
        Driver(opened, folder / "caches", Tracker(), patch).run(launches=1)
    return opened


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    """The larger study, run into a folder."""
    folder = tmp_path_factory.mktemp("larger")
    return ran_in(folder / "store", small_study(folder, **LARGER).path, folder)


def test_a_lost_head_goes_on_elsewhere_to_the_bits_of_a_folder(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Small(tmp_path)
    expected = results(ran_in(tmp_path / "folder", small.folder / "small.yaml", tmp_path).store)
    opened = open_study(small.folder / "small.yaml", bucket)
    prepare(opened)
    driver = Driver(opened, tmp_path / "caches", Tracker(), monkeypatch)

    def die() -> None:
        driver.driver_dies = True
        driver.lose_the_node()
        shutil.rmtree(tmp_path / "node")
        raise Killed

    watched = Watched(small, "training", die, at_save=False)
    watched.install(monkeypatch)
    driver.run(launches=2)
    assert driver.driver_dies
    assert results(opened.store) == expected


def test_a_study_of_100_cells_asks_little_of_its_bucket(
    larger: OpenStudy, tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge_store(Store(bucket), larger.store)
    asked = Asked(monkeypatch)
    opened = open_study(larger.path, bucket)
    prepare(opened)
    tracker = Tracker()
    Driver(opened, tmp_path / "caches", tracker, monkeypatch).run(launches=1)
    assert results(opened.store) == results(larger.store)
    asked.forget()
    Driver(opened, tmp_path / "caches", tracker, monkeypatch).run(launches=1)
    few(asked)
    for command in ("status", "plan"):
        asked.forget()
        done = CliRunner().invoke(app, [command, str(larger.path), "--store", bucket])
        assert done.exit_code == 0, done.output
        few(asked)
    asked.forget()
    pd.testing.assert_frame_equal(
        read_results(opened, "store").frame, read_results(larger, "store").frame, check_like=True
    )
    few(asked)


def few(asked: Asked) -> None:
    """Each of the 93 records is read once, beside others; what is waited for does not grow with the study."""
    assert asked.requests.total() <= 110, asked.requests
    assert asked.in_turn.total() <= 15, asked.in_turn
