"""Frames in a file without a name; a full disk ends an adaptation with a sentence and is no outage."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from after_ray.adaptation.pseudo_tapt._scratch import scratch
from after_ray.errors import NoTemporaryRoom
from after_ray.store.outage import outage_in

COUNTS = np.array([3_000, 2_000])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_frames_of_each_clip_are_zeros_in_a_file_without_a_name(folder: Path) -> None:
    kept = scratch(COUNTS, 8, np.float16)
    assert isinstance(kept.values, np.memmap)
    assert (kept.lengths.tolist(), kept.inner, kept.dtype) == ([3_000, 2_000], (8,), np.float16)
    kept[1][:] = 2
    assert kept.values[:3_000].max() == 0
    assert kept.values[3_000:].min() == 2
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_told_and_never_taken_for_an_outage_of_the_store(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def full(descriptor: int, offset: int, size: int) -> None:
        asked.append(size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(NoTemporaryRoom, match=r"no room for 160 kB of frames \(No space.*Set TMPDIR") as told:
        scratch(COUNTS, 16, np.float16)
    assert asked == [160_000]
    assert str(folder) in str(told.value)
    assert outage_in(told.value, folder) is None


def test_a_folder_that_is_not_there_is_told_as_well(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "gone"))
    with pytest.raises(NoTemporaryRoom, match="gone have no room"):
        scratch(COUNTS, 16, np.float16)
