"""Studies against what a team has: MLflow with sign-in on PostgreSQL, its files and the store in a bucket."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient

from after_ray.store import Store
from sweeps.commands.mirror import mirror_study
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.reporting.report import read_results
from sweeps.running.studies import prepare
from sweeps.tracking import default_tracking_uri, fill
from sweeps.tracking.errors import AccessRefused, FilesRefused, MirrorBehind, TrackerUnreachable
from sweeps.tracking.mirroring import finished_trajectories, mirrored_study
from sweeps.tracking.sample import sample_study
from tests.cluster.services import Team, lacks_postgres, password_of, signed_in, team_running
from tests.faults.driver import Driver, Tracker
from tests.faults.small import results
from tests.s3 import BUCKET, S3Server, s3_server
from tests.sweeps.small import SMALL
from tests.sweeps.tracking.looking import all_runs, nested, points
from tests.sweeps.tracking.server import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.services]

STUDY = SMALL | {"fold": "all"}  # 6 trajectories, 18 cells
STORE = f"s3://{BUCKET}/studies"
AWAY_SECONDS = 20.0
BEGIN_SECONDS = 300.0  # for two launches at once to have their first trajectory in MLflow, beside other tests


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="module")
def team(s3: S3Server) -> Iterator[Team]:
    if what := lacks_postgres():
        pytest.skip(f"missing here: {what}")
    with team_running(s3) as running:
        for user in ("alice", "bob"):
            running.add(user)
        yield running


@pytest.fixture
def alice(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is hers, on a machine of its own."""
    become("alice", monkeypatch)
    monkeypatch.setenv("AFTER_RAY_CACHE", str(tmp_path / "four"))


def become(user: str, monkeypatch: pytest.MonkeyPatch, password: str | None = None) -> None:
    for name, value in signed_in(user, password).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(STUDY))
    return path


def launched(study: Path, team: Team, machine: Path) -> subprocess.Popen[str]:
    """The study, as on a machine of its own, with what its user has set there."""
    here = {"MLFLOW_TRACKING_URI": team.uri, "AFTER_RAY_CACHE": str(machine)}
    with (machine.with_suffix(".log")).open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "sweeps.cli", "run", str(study), "--store", STORE, "--no-report"],
            env={**os.environ, **here, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )


def ended(process: subprocess.Popen[str], machine: Path) -> str:
    """What a command said; it must have done all that it was asked for."""
    try:
        code = process.wait(300)
    finally:
        process.kill()
    said = machine.with_suffix(".log").read_text()
    assert code == 0, said
    return said


def undisturbed(study: Path, folder: Path) -> Mapping[str, object]:
    """The results of one run in this process, in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        opened = open_study(study, folder / "store")
        prepare(opened)
        Driver(opened, folder / "caches", Tracker(), patch).run(launches=1)
        return results(opened.store)


def trajectories_in(client: MlflowClient) -> list[str]:
    if client.get_experiment_by_name("after-ray/small") is None:
        return []
    return [run.data.tags["after_ray.key"] for run in nested(client, study="small")]


def test_two_launches_at_once_and_the_tracker_away_for_20_seconds(
    alice: None, team: Team, s3: S3Server, study: Path, tmp_path: Path
) -> None:
    machines = [tmp_path / "one", tmp_path / "two"]
    launches = [launched(study, team, machine) for machine in machines]
    try:
        client = MlflowClient(team.uri)
        wait_until(lambda: trajectories_in(client) or any(one.poll() for one in launches), BEGIN_SECONDS)
        assert trajectories_in(client), [machine.with_suffix(".log").read_text() for machine in machines]
        assert len(trajectories_in(client)) < 6, "it is to go away in the middle"
        with team.halted():
            end = time.monotonic() + AWAY_SECONDS
            expected = undisturbed(study, tmp_path / "undisturbed")
            time.sleep(max(0.0, end - time.monotonic()))
        for launch, machine in zip(launches, machines, strict=True):
            assert "cells: 18 of 18" in ended(launch, machine)
    finally:
        for launch in launches:
            launch.kill()
    opened = open_study(study, STORE)
    mirror_study(opened, team.uri, rebuild=False)
    assert results(opened.store) == expected
    each_once(client, opened, tmp_path)
    pd.testing.assert_frame_equal(
        read_results(opened, "mlflow", team.uri).frame, read_results(opened, "store").frame
    )
    kept = s3.names("mlflow/")
    assert sum(name.endswith("/cells.json") for name in kept) == 6
    assert sum("/predictions/" in name for name in kept) == 18


def each_once(client: MlflowClient, opened: OpenStudy, folder: Path) -> None:
    """MLflow has what an undisturbed mirror makes of the same store: every run and point, once."""
    (folder / "mirrored").mkdir()
    database = default_tracking_uri(Store(folder / "mirrored"))
    fill(database, opened.store, mirrored_study(opened, database), finished_trajectories(opened))
    mirrored = MlflowClient(database)
    assert sorted(trajectories_in(client)) == sorted({run.key for run in opened.plan.trajectories})
    assert points(client, study="small") == points(mirrored, study="small")
    runs = all_runs(client, study="small")
    kinds = Counter(run.data.tags["after_ray.kind"] for run in runs)
    assert kinds == {"study": 1, "summary": 2, "trajectory": 6}
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_a_report_names_what_is_gone_from_the_bucket(
    alice: None, team: Team, s3: S3Server, study: Path, tmp_path: Path
) -> None:
    opened = open_study(study, STORE)
    prepare(opened)
    with pytest.MonkeyPatch.context() as patch:
        Driver(opened, tmp_path / "caches", Tracker(), patch).run(launches=1)  # what is not there already
    mirror_study(opened, team.uri, rebuild=False)
    s3.remove("mlflow/")
    with pytest.raises(MirrorBehind, match=r"6 runs without a cells.json .* --rebuild'"):
        read_results(opened, "mlflow", team.uri)


def test_who_is_not_signed_in_or_not_allowed_is_told_so(
    alice: None, team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, mine = Store(tmp_path), sample_study(0)
    fill(team.uri, store, mine, [])
    become("bob", monkeypatch)
    with pytest.raises(AccessRefused, match="user 'bob' may not do that in an experiment of somebody else"):
        fill(team.uri, store, mine, [])
    become("bob", monkeypatch, password_of("alice"))
    with pytest.raises(AccessRefused, match="knows no user 'bob' with that password"):
        fill(team.uri, store, mine, [])
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    with pytest.raises(AccessRefused, match="asks who you are"):
        fill(team.uri, store, mine, [])


def test_a_bucket_that_is_gone_is_told_from_a_tracker_that_is(
    alice: None, team: Team, s3: S3Server, tmp_path: Path
) -> None:
    s3.remove("")
    s3.client().delete_bucket(Bucket=BUCKET)
    try:
        with pytest.raises(FilesRefused, match=r"cannot keep files of runs .*often its bucket is gone"):
            fill(team.uri, Store(tmp_path), sample_study(0), [])
    finally:
        s3.client().create_bucket(Bucket=BUCKET)


def test_the_server_starts_once_says_how_it_is_and_stops(alice: None, team: Team, tmp_path: Path) -> None:
    assert "runs already" in team.serve("start").stdout
    assert team.serve("status").returncode == 0
    assert team.serve("stop").returncode == 0
    assert team.serve("status").returncode == 3
    with pytest.raises(TrackerUnreachable, match="cannot be reached"):
        fill(team.uri, Store(tmp_path), sample_study(0), [])
