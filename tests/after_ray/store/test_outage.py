"""An outage of the store is waited for with longer and longer pauses, then given up in one sentence."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from safetensors import SafetensorError

from after_ray.errors import UnwritableCheckpoint
from after_ray.store import Outage
from after_ray.store.outage import StoreUnavailable


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def outage(tmp_path: Path, time: Time) -> Outage:
    return Outage(tmp_path, clock=lambda: time.now, sleep=time.sleep)


def full(path: Path | None = None) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *([] if path is None else [str(path)]))


def test_pauses_grow_and_end_after_ten_minutes(outage: Outage, time: Time) -> None:
    outage.pause()
    assert time.slept == [], "there is no outage"
    while time.now < 600:
        told = outage.noticed(full())
        assert told is not None
        assert "cannot be used (No space left on device)" in told
        assert "up to 10 minutes: free room there or make it writable" in told
        outage.pause()
    with pytest.raises(StoreUnavailable, match=r"10 minutes \(No space left on device\).*same command again"):
        outage.noticed(full())
    assert time.slept[:6] == [1, 2, 4, 8, 16, 30]
    assert time.now == 600


def test_a_step_that_works_ends_the_outage(outage: Outage, time: Time) -> None:
    outage.noticed(full())
    time.now = 599
    outage.over()
    outage.pause()
    assert time.slept == []
    time.now = 700
    assert outage.noticed(full()) is not None, "the next outage has ten minutes of its own"


@pytest.mark.parametrize(
    "number",
    [errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EACCES],
)
def test_what_a_store_may_answer_is_an_outage(outage: Outage, tmp_path: Path, number: int) -> None:
    assert outage.noticed(OSError(number, os.strerror(number), str(tmp_path / "ledger" / "x")))
    assert outage.noticed(SafetensorError(f"Error while serializing: I/O error: no (os error {number})"))


def test_other_errors_are_no_outage(outage: Outage, tmp_path: Path) -> None:
    assert outage.noticed(FileNotFoundError(errno.ENOENT, "gone", str(tmp_path / "x"))) is None
    assert outage.noticed(PermissionError(errno.EACCES, "no", "/elsewhere/weights")) is None
    assert outage.noticed(SafetensorError("invalid header")) is None
    assert outage.noticed(RuntimeError("a bug")) is None


def test_an_unwritable_checkpoint_is_told_by_its_cause(outage: Outage, tmp_path: Path) -> None:
    error = UnwritableCheckpoint(tmp_path, "whatever")
    error.__cause__ = SafetensorError("I/O error: No space left on device (os error 28)")
    assert "(No space left on device)" in str(outage.noticed(error))


def test_work_is_not_entered_while_the_store_refuses_a_small_file(
    outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> None:
        raise OSError(errno.EROFS, "read-only")

    outage.noticed(full())
    monkeypatch.setattr(os, "link", refused)
    with pytest.raises(OSError, match="read-only"):
        outage.pause()


def test_work_is_not_entered_while_there_is_no_room_for_the_checkpoint_that_failed(
    outage: Outage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 1 << 20

    def taken(file: int, begin: int, size: int) -> None:
        if size > left:
            raise full()

    monkeypatch.setattr(os, "posix_fallocate", taken)
    error = UnwritableCheckpoint(tmp_path, "whatever", size=left + 1)
    error.__cause__ = full()
    outage.noticed(error)
    with pytest.raises(OSError, match="No space left"):
        outage.pause()
    assert list(tmp_path.iterdir()) == []
    left += 1
    outage.pause()
    outage.over()
    left = 1 << 16
    outage.noticed(full())
    outage.pause()
