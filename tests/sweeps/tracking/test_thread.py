"""The mirror's thread: an outage is named at once, holds up nothing, and is made good later."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from after_ray.errors import DamagedStore
from after_ray.store import Store
from sweeps.tracking import MirrorThread, _thread, close_all, default_tracking_uri
from sweeps.tracking._connection import connect
from sweeps.tracking._newest import Newest
from sweeps.tracking.addresses import probe
from sweeps.tracking.errors import MirrorBusy, TrackerUnreachable
from sweeps.tracking.mirrored import MirroredRun, MirroredTrajectory
from sweeps.tracking.sample import sample_study

DEAD = "http://127.0.0.1:9"  # the discard port; nobody listens


class FakeMirror:
    """A tracker in memory that can be switched off or made to refuse one trajectory."""

    reachable = True
    refused = ""
    taken: list[str]
    opened: int

    links = None
    kept: list[tuple[dict[str, float], float]]
    summaries: int
    others: list[str]

    def __init__(self, tracking_uri: str, store: Store, say: object = None) -> None:
        pass

    def open_study(self, study: object) -> None:
        if not FakeMirror.reachable:
            raise TrackerUnreachable("http://fake", "switched off")
        FakeMirror.opened += 1

    def trajectory(self, trajectory: MirroredTrajectory) -> bool:
        if not FakeMirror.reachable:
            raise ConnectionError("switched off\nand a long trace")
        if trajectory.key == FakeMirror.refused:
            raise ValueError("refused")
        FakeMirror.taken.append(trajectory.key)
        return True

    def run(self, run: MirroredRun) -> bool:
        FakeMirror.others.append(run.key)
        return True

    def progress(self, values: dict[str, float], at: float) -> None:
        if not FakeMirror.reachable:
            raise ConnectionError("switched off")
        FakeMirror.kept.append((values, at))

    def summarize(self) -> int:
        FakeMirror.summaries += 1
        return 1

    def close_study(self) -> None:
        pass

    def release(self) -> None:
        pass


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeMirror]:
    monkeypatch.setattr(_thread, "Mirror", FakeMirror)
    FakeMirror.reachable, FakeMirror.refused, FakeMirror.taken, FakeMirror.opened = True, "", [], 0
    FakeMirror.kept, FakeMirror.summaries, FakeMirror.others = [], 0, []
    return FakeMirror


def trajectory(key: str) -> MirroredTrajectory:
    return MirroredTrajectory(key, {}, {}, ())


def wait_until(true: object, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


def test_everything_submitted_is_mirrored_before_close_returns(fake, tmp_path):
    thread = MirrorThread("http://fake", Store(tmp_path), sample_study(3))
    for key in "abc":
        thread.submit(trajectory(key))
    report = thread.close(timeout=10)
    assert (report.mirrored, report.pending, report.error) == (3, 0, None)
    assert fake.taken == ["a", "b", "c"]


def test_a_dead_server_is_named_within_seconds_and_submitting_never_waits(tmp_path):
    said: list[str] = []
    begin = time.monotonic()
    thread = MirrorThread(DEAD, Store(tmp_path), sample_study(1), say=said.append)
    thread.submit(trajectory("a"))
    assert time.monotonic() - begin < 0.5, "the study waited for the tracker"
    wait_until(lambda: said)
    report = thread.close(timeout=20)
    assert time.monotonic() - begin < 10
    assert said == [report.error], "one sentence for one outage"
    assert (report.mirrored, report.pending) == (0, 1)
    assert "cannot be reached" in said[0]
    assert DEAD in said[0]
    assert "studies go on without it, and 'after-ray mirror STUDY.yaml' fills it in" in said[0]


def test_a_server_that_accepts_and_never_answers_is_named_within_seconds(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begin = time.monotonic()
        with pytest.raises(TrackerUnreachable, match="timed out"):
            probe(f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - begin < 10


def test_an_unreachable_database_is_named_without_its_password():
    with pytest.raises(TrackerUnreachable, match=r"user:\*\*\*@127\.0\.0\.1:9/"):
        probe("postgresql://user:secret@127.0.0.1:9/mlflow")


def test_what_an_outage_held_back_is_mirrored_when_the_tracker_is_back(fake, tmp_path):
    said: list[str] = []
    thread = MirrorThread(
        "http://fake", Store(tmp_path), sample_study(2), retry_seconds=0.05, say=said.append
    )
    wait_until(lambda: fake.opened)
    fake.reachable = False
    thread.submit(trajectory("a"))
    thread.submit(trajectory("b"))
    wait_until(lambda: said)
    fake.reachable = True
    wait_until(lambda: len(fake.taken) == 2)
    report = thread.close(timeout=10)
    assert (report.mirrored, report.pending, report.error) == (2, 0, None)
    assert "switched off" in said[0]
    assert "long trace" not in said[0]


def test_a_dead_tracker_is_tried_at_most_once_per_interval(fake, tmp_path, monkeypatch):
    fake.reachable = False
    attempts: list[float] = []
    monkeypatch.setattr(FakeMirror, "__init__", lambda *_, **named: attempts.append(time.monotonic()))
    thread = MirrorThread(
        "http://fake", Store(tmp_path), sample_study(9), retry_seconds=30, say=lambda _: None
    )
    for number in range(20):
        thread.submit(trajectory(str(number)))
        time.sleep(0.01)
    assert len(attempts) == 1
    report = thread.close(timeout=10)
    assert len(attempts) == 2, "once more at the end"
    assert report.pending == 20


def test_one_refused_trajectory_does_not_hold_back_the_others(fake, tmp_path):
    fake.refused = "bad"
    thread = MirrorThread("http://fake", Store(tmp_path), sample_study(3), say=lambda _: None)
    for key in ("bad", "a", "b"):
        thread.submit(trajectory(key))
    report = thread.close(timeout=10)
    assert fake.taken == ["a", "b"]
    assert (report.mirrored, report.pending) == (2, 1)
    assert "did not take everything (refused)" in str(report.error)


def test_close_gives_up_when_its_time_is_over(fake, tmp_path, monkeypatch):
    stuck = threading.Event()
    monkeypatch.setattr(FakeMirror, "trajectory", lambda *_: stuck.wait(20))
    thread = MirrorThread("http://fake", Store(tmp_path), sample_study(1))
    thread.submit(trajectory("a"))
    begin = time.monotonic()
    report = thread.close(timeout=0.2)
    assert time.monotonic() - begin < 5
    assert report.pending == 1
    assert "'after-ray mirror STUDY.yaml' fills it in" in str(report.error)
    stuck.set()


def test_mirrors_are_closed_at_once_and_have_one_time_together(fake, tmp_path, monkeypatch):
    stuck = threading.Event()
    monkeypatch.setattr(FakeMirror, "trajectory", lambda self, one: one.key == "quick" or stuck.wait(20))
    threads = [MirrorThread("http://fake", Store(tmp_path), sample_study(1)) for _ in range(4)]
    for thread, key in zip(threads, ("a", "b", "c", "quick"), strict=True):
        thread.submit(trajectory(key))
    begin = time.monotonic()
    reports = close_all(threads, timeout=1.0)
    assert 1.0 <= time.monotonic() - begin < 1.9
    assert [report.pending for report in reports] == [1, 1, 1, 0]
    assert all("with the study in 1 s" in str(report.error) for report in reports[:3])
    stuck.set()


def test_a_second_process_mirroring_the_same_study_is_named(fake, tmp_path, monkeypatch):
    def busy(self: FakeMirror, study: object) -> None:
        raise MirrorBusy("sample", "after-ray mirror x.yaml")

    monkeypatch.setattr(FakeMirror, "open_study", busy)
    thread = MirrorThread("http://fake", Store(tmp_path), sample_study(1), say=lambda _: None)
    assert "Another process mirrors the study 'sample'" in str(thread.close(timeout=10).error)


def test_the_default_database_and_its_artifacts_are_inside_the_store(tmp_path):
    assert default_tracking_uri(Store(tmp_path)) == f"sqlite:///{tmp_path}/mlflow.db"


@pytest.mark.slow
def test_processes_that_open_a_new_database_at_once_all_succeed(tmp_path):
    program = (
        "import sys; from pathlib import Path; from after_ray.store import Store;"
        "from sweeps.tracking._connection import connect, default_tracking_uri;"
        "store = Store(Path(sys.argv[1])); connect(default_tracking_uri(store), store)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], env=environment) for _ in range(3)
    ]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]


def quiet(folder: Path, **options: float) -> MirrorThread:
    return MirrorThread("http://fake", Store(folder), sample_study(9), say=lambda _: None, **options)


def test_of_progress_only_the_newest_is_written(fake, tmp_path):
    thread = quiet(tmp_path)
    wait_until(lambda: fake.opened)
    thread.progress({"cells_done": 0})
    wait_until(lambda: fake.kept)
    for cells in range(1, 1000):
        thread.progress({"cells_done": cells})
    thread.close(timeout=10)
    told = [values["cells_done"] for values, _ in fake.kept]
    assert told == [0, 999], "the first at once, the newest at the end, none between"


def test_progress_that_is_told_again_is_written_again_after_its_interval(fake, tmp_path):
    thread = quiet(tmp_path, news_seconds=0.05)
    for cells in (1, 2, 3):
        thread.progress({"cells_done": cells})
        wait_until(lambda cells=cells: fake.kept and fake.kept[-1][0] == {"cells_done": cells})
    assert [values["cells_done"] for values, _ in fake.kept] == [1, 2, 3]
    thread.close(timeout=10)


def test_progress_of_an_outage_is_written_afterwards_with_the_time_when_it_was_told(fake, tmp_path):
    fake.reachable = False
    thread = quiet(tmp_path, retry_seconds=0.05)
    before = time.time()
    thread.progress({"cells_done": 7})
    after = time.time()
    time.sleep(0.2)
    fake.reachable = True
    wait_until(lambda: fake.kept)
    ((values, at),) = fake.kept
    assert values == {"cells_done": 7}
    assert before <= at <= after
    thread.close(timeout=10)


@pytest.mark.parametrize(("told_meanwhile", "waits"), [(None, "old"), ("new", "new")])
def test_news_that_failed_wait_again_unless_newer_ones_came(told_meanwhile, waits):
    news = Newest(seconds=0.0)
    news.put("old")

    def fails() -> None:
        with news.taken():
            if told_meanwhile:
                news.put(told_meanwhile)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fails()
    with news.taken() as found:
        assert found == waits
    assert not news.waits


def test_summaries_are_written_now_and_then_and_not_for_every_trajectory(fake, tmp_path):
    thread = quiet(tmp_path)
    for number in range(50):
        thread.submit(trajectory(str(number)))
        time.sleep(0.002)
    wait_until(lambda: len(fake.taken) == 50)
    assert fake.summaries == 1
    thread.close(timeout=10)


def test_a_damaged_record_of_a_summary_is_named_and_does_not_leave_the_tracker(fake, tmp_path, monkeypatch):
    said: list[str] = []

    def damaged(self: FakeMirror) -> int:
        raise DamagedStore(tmp_path / "record.json", "it is not a record")

    monkeypatch.setattr(FakeMirror, "summarize", damaged)
    thread = MirrorThread("http://fake", Store(tmp_path), sample_study(2), say=said.append, news_seconds=0.0)
    thread.submit(trajectory("a"))
    wait_until(lambda: said)
    thread.submit(trajectory("b"))
    wait_until(lambda: len(fake.taken) == 2)
    thread.close(timeout=10)
    assert "record.json" in said[0]
    assert fake.opened == 1


def test_a_run_of_another_kind_is_submitted_like_a_trajectory(fake, tmp_path):
    thread = quiet(tmp_path)
    thread.submit(MirroredRun("candidate", "c1", "first", {"value": 0.5}, 3, "state", 1.0, True))
    report = thread.close(timeout=10)
    assert fake.others == ["c1"]
    assert (report.mirrored, report.pending) == (1, 0)


def test_sentences_about_an_outage_name_the_studys_own_command(fake, tmp_path):
    fake.refused = "bad"
    command = "after-ray mirror emodb.yaml --store s --set 'seed=0..2'"
    study = replace(sample_study(1), command=command)
    thread = MirrorThread(DEAD, Store(tmp_path), study, say=lambda _: None)
    thread.submit(trajectory("bad"))
    assert f"'{command}' fills it in afterwards" in str(thread.close(timeout=10).error)
    with pytest.raises(TrackerUnreachable, match=re.escape(f"'{command}' fills it in")):
        connect(DEAD, Store(tmp_path), command)
