"""A study into a bucket from the command line, through a real Ray and a server that speaks S3."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from after_ray.store import Store
from sweeps.cli import app
from sweeps.running.studies import prepare
from tests.faults.driver import Driver, Tracker
from tests.faults.outside import PATIENCE, Launch
from tests.faults.small import results
from tests.s3 import BUCKET, s3_server
from tests.sweeps.small import small_study

pytestmark = pytest.mark.ray

STORE = f"s3://{BUCKET}/stores/one"


def launched(folder: Path) -> Launch:
    """A launch on a machine of its own."""
    log = folder / "launch.log"
    here = {
        "AFTER_RAY_STORE": STORE,
        "AFTER_RAY_CACHE": str(folder / "head"),
        "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")])),
    }
    with log.open("wb") as output:
        process = psutil.Popen(
            [sys.executable, "-m", "sweeps.cli", "run", str(folder / "small.yaml"), "--cpus", "1"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | here,
        )
    return Launch(process, log)


def said(folder: Path, *command: str) -> str:
    """What a command says that does all that it was asked for."""
    done = CliRunner().invoke(app, [*command, str(folder / "small.yaml"), "--store", STORE])
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_a_study_whose_driver_is_killed_goes_on_from_the_bucket_on_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = small_study(tmp_path)
    prepare(alone)
    Driver(alone, tmp_path / "caches", Tracker(), monkeypatch).run(launches=1)
    monkeypatch.undo()
    monkeypatch.setenv("AFTER_RAY_CACHE", str(tmp_path / "other"))
    with s3_server():
        kept = Store(STORE)
        launch = launched(tmp_path)
        rounds = {cell.key for cell in alone.plan.cells}
        end = time.monotonic() + PATIENCE
        while not rounds & kept.ledger.finished():
            assert launch.running, launch.output[-3000:]
            assert time.monotonic() < end, launch.output[-3000:]
            time.sleep(0.02)
        launch.kill()
        assert rounds & kept.ledger.finished() < rounds, "it was killed too late"

        assert "cells: 6 of 6" in said(tmp_path, "run", "--cpus", "2", "--no-report")
        assert results(kept) == results(alone.store)
        assert "0 trials ran" in said(tmp_path, "run", "--cpus", "2", "--no-report")
        assert "6 of 6 cells done" in said(tmp_path, "status")
        assert f"report: {tmp_path}/other" in said(tmp_path, "report")
