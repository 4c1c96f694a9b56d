"""The guide docs/own_classifier.md from its files to a report: each of its commands, and what comes of it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from after_ray.store import Store
from sweeps.cli import app
from sweeps.planning.opening import open_study
from tests.after_ray.classifiers.own_page import PAGE, shown, write_files

REPOSITORY = Path(__file__).parents[2]


def command(line: str, said: str) -> None:
    """Run a line of the page as a user would, but with this Python."""
    program, *words = shlex.split(line)
    started = {"python": [], "after-ray": ["-m", "sweeps.cli"]}[program]
    done = subprocess.run(
        [sys.executable, *started, *words], capture_output=True, text=True, timeout=250, env=environment()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert said in " ".join(done.stdout.split()), done.stdout


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


def lines() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
    return [line for block in blocks for line in block.strip().splitlines()]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_files(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(shown("yaml")["study.yaml"])
    return tmp_path


@pytest.mark.ray
@pytest.mark.timeout(600)
def test_the_commands_of_the_page_lead_to_a_report(files: Path) -> None:
    expected = {
        "check_classifier('mine": "",
        "plan": "trajectories",
        "run": "mine:Nearest-2, entropy",
        "explain": "by entropy",
        "verify": "equal bits",
        "check_classifier('wide": "",
    }
    assert len(lines()) == len(expected)
    for line, (word, said) in zip(lines(), expected.items(), strict=True):
        assert word in line
        command(line, said)
    report = (files / "store/reports/own/index.html").read_text()
    assert "mine:Nearest (k 5); by mine:Nearest (k 1)" in report, "the methods"
    with (files / "mine.py").open("a") as file:
        file.write("# changed\n")
    command("after-ray plan study.yaml", "finished results have the source of mine:Nearest")
    refused = subprocess.run(
        [sys.executable, "-m", "sweeps.cli", "plan", "study.yaml", "--set", "classifier=mine:Nearer"],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert "the classifier 'mine:Nearer' cannot be imported" in refused.stderr + refused.stdout
    own = open_study(files / "study.yaml", files / "store", ["classifier=functionals"])
    done = Store(files / "store").ledger.finished()
    assert all(trajectory.key in done for trajectory in own.plan.trajectories), "others are as they were"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("k: 1", "k: none"),
        ("k: 1", "kk: 1"),
    ],
)
def test_a_mistake_in_its_settings_is_told_with_its_line(files: Path, change: str, said: str) -> None:
    (files / "study.yaml").write_text(shown("yaml")["study.yaml"].replace(change, said))
    ended = CliRunner().invoke(app, ["plan", "study.yaml"])
    assert ended.exit_code == 1
    assert "study.yaml, line 4: classifier.2" in " ".join(ended.output.split())


def test_its_settings_are_searched_like_others(files: Path) -> None:
    search = (
        "\nsearch: {candidates: 2, seed: [100], fold: [0], scheduler: none, "
        "space: {classifier.k: {int: [1, BOUND]}}}\n"
    )
    single = "study: own\nclassifier: mine:Nearest\nstrategy: entropy\nschedule: [20]\nfold: 0\n"
    single += "corpus: {name: synthetic, speakers: 6, sentences: 5}\n"
    path = files / "search.yaml"
    path.write_text(single + search.replace("BOUND", "9"))
    assert open_study(path, files / "store").study.search is not None
    path.write_text(single + search.replace("1, BOUND", "0, 9"))
    with pytest.raises(Exception, match=r"classifier\.k: input should be greater than or equal to 1, not 0"):
        open_study(path, files / "store")
