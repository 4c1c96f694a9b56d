"""What commands that launch say before they do."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.store import Store
from sweeps.commands._launching import warn_of_lone_tracker
from sweeps.launching.ray_start import Where
from tests.buckets import ADDRESS, buckets_in_memory

CLUSTER = Where("10.0.0.5:6379")


def test_a_tracker_that_only_the_head_has_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    buckets_in_memory(tmp_path / "node", monkeypatch)
    bucket = Store(f"{ADDRESS}/stores/one")
    warn_of_lone_tracker(bucket, CLUSTER, None)
    told = " ".join(capsys.readouterr().err.split())
    assert f"mirror STUDY.yaml --store {bucket.url} --tracking-uri URI" in told
    warn_of_lone_tracker(bucket, CLUSTER, "http://10.0.0.5:5000")
    warn_of_lone_tracker(bucket, Where(), None)
    warn_of_lone_tracker(Store(tmp_path), CLUSTER, None)
    assert capsys.readouterr().err == "", "it is seen by all who see the store, or there is one machine"
