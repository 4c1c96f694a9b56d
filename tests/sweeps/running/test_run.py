"""`after-ray run` as a user runs it: on a local Ray, killed, started again, and with nothing left to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from after_ray.store import Store
from sweeps.cli import app
from sweeps.planning.opening import open_study
from tests.sweeps.selections.ran import run_here

STUDY = """\
study: small
corpus: {name: synthetic, speakers: 6, sentences: 3}
classifier: [functionals, {name: light_sernet, steps: 4, evaluations: 2, batch_size: 8}]
strategy: [random, entropy]
schedule: [20, 60, 100]
fold: [0, 1]
protocol: {preset: paper, folds: {count: 3}}
families: [{name: main, compare: strategy, against: random}]
"""
CELLS = 2 * 2 * 3 * 2

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "sweeps.cli", *map(str, arguments)]


def after_ray(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=280)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def here(*arguments: object) -> str:
    """What a command prints that starts no Ray, and so no process of its own."""
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout


def counts(study: Path, store: Path, *overrides: str) -> dict[str, int]:
    return json.loads(here("plan", study, "--store", store, "--json", *overrides))


def results(store: Path) -> dict[str, object]:
    """Per finished round what must be equal bit for bit: measures, picks and predictions."""
    opened = Store(store)
    found: dict[str, object] = {}
    for key in opened.ledger.finished():
        record = opened.need(key)
        if record.kind == "round":
            predictions = record.files["predictions.safetensors"].sha256
            found[key] = (dict(record.measures), record.details["acquired"], predictions)
    return found


@pytest.mark.slow
def test_a_study_runs_to_its_report_and_a_killed_driver_changes_no_bit(study: Path, tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    run_here(open_study(study, undisturbed))
    kill_when(lambda: len(Store(killed).ledger.finished()) >= 8, command("run", study, "--store", killed))
    before = {key: Store(killed).need(key).finished for key in Store(killed).ledger.finished()}
    assert 8 <= len(before) < len(Store(undisturbed).ledger.finished()), "killed in the middle"
    done = after_ray("run", study, "--store", killed)
    assert "report:" in done.stdout
    page = (killed / "reports" / "small" / "index.html").read_text()
    assert "They were declared before the first of these cells had finished." in page
    assert counts(study, killed)["done"] == CELLS
    assert results(killed) == results(undisturbed)
    again = {key: Store(killed).need(key).finished for key in before}
    assert again == before, "finished work was repeated"

    started = time.time()
    again_said = here("run", study, "--store", killed, "--no-report")
    assert "0 trials ran" in again_said
    assert f"no report of small: after-ray report {study} --store {killed}" in again_said
    assert all(Store(killed).need(key).finished < started for key in Store(killed).ledger.finished())


def kill_when(ready: object, arguments: Sequence[str]) -> None:
    """Start a command in a session of its own, and kill -9 only its driver once `ready`."""
    assert callable(ready)
    driver = subprocess.Popen(
        arguments,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=dict(os.environ),
    )
    deadline = time.monotonic() + 200
    while not ready() and driver.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()


@pytest.mark.slow
def test_ctrl_c_stops_with_an_exit_code_and_says_how_to_go_on(study: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    driver = subprocess.Popen(
        command("run", study, "--store", store), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 200
    while len(Store(store).ledger.finished()) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    driver.send_signal(signal.SIGINT)
    _, said = driver.communicate(timeout=100)
    assert driver.returncode == 130
    assert "run the same command again" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_failing_stage_is_named_and_the_rest_goes_on(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_strategy.py").write_text(
        "from after_ray.acquisition import Strategy\n"
        "class Broken(Strategy):\n"
        "    def _select(self, evidence, budget, generator):\n"
        "        raise RuntimeError('the strategy is broken on purpose')\n"
    )
    store = tmp_path / "store"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.syspath_prepend(tmp_path)
    override = ["--set", "strategy=[random, 'broken_strategy:Broken']", "--set", "classifier=functionals"]
    done = after_ray("run", study, "--store", store, *override, "--no-report", check=False)
    assert done.returncode == 1
    assert "the strategy is broken on purpose" in done.stdout
    left = counts(study, store, *override)
    assert left["failed"] == 2 * 2
    assert left["done"] == left["cells"] - left["failed"]
    assert "the strategy is broken on purpose" in here("status", study, "--store", store, *override)
    assert list((store / "logs").glob("*.log"))


def test_a_budget_spent_before_the_first_cell_is_no_failure_and_hides_no_other_report(
    study: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(STUDY.replace("study: small", "study: other").replace("fold: [0, 1]", "fold: 2"))
    one = ("--set", "classifier=functionals", "--store", tmp_path / "store", "--cpus", 2)
    run_here(open_study(study, tmp_path / "store", ["classifier=functionals"]))
    done = after_ray("run", other, study, *one, "--max-hours", 0, check=False)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "no report of other yet: none of its cells is finished" in done.stdout
    assert "small: UA in percent" in done.stdout
    assert "run the same command again to go on" in done.stdout
