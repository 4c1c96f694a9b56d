"""One mirror of a study at a time, also where two machines share nothing but a bucket."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from after_ray.files import as_json
from after_ray.store import Store
from after_ray.store.places import Place
from after_ray.store.places.bucket import Bucket
from sweeps.leases import beating, lease
from sweeps.leases.holder import Holder
from sweeps.tracking._turn import my_turn
from sweeps.tracking.errors import MirrorBusy
from sweeps.tracking.sample import sample_study


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place | Path:
    monkeypatch.setenv("AFTER_RAY_CACHE", str(tmp_path / "node"))
    monkeypatch.setattr(beating, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(lease, "LOOK_SECONDS", 0.02)
    return tmp_path / "store" if request.param == "folder" else Bucket("s3://team/studies", MemoryStore())


def test_a_second_mirror_is_refused_while_the_first_is_at_work_and_let_in_afterwards(place) -> None:
    study = sample_study(1)
    with (
        my_turn(Store(place), study),
        pytest.raises(MirrorBusy, match="Another process mirrors the study 'sample'"),
        my_turn(Store(place), study),
    ):
        pytest.fail("two at once")
    with my_turn(Store(place), study):
        pass


def test_mirrors_of_two_studies_do_not_wait_for_each_other(place) -> None:
    with (
        my_turn(Store(place), sample_study(1)),
        my_turn(Store(place), replace(sample_study(1), name="other")),
    ):
        pass


def test_a_mirror_that_died_is_followed_at_once_on_its_machine() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    bucket = Bucket("s3://team/studies", MemoryStore())
    bucket.write("mirror/sample.json", as_json(asdict(replace(Holder.here(), process=ended.pid))))
    with my_turn(Store(bucket), sample_study(1)):
        assert [found.name for found in bucket.files("mirror")] == ["mirror/sample.json"]
    assert list(bucket.files("mirror")) == []
