"""The commands of docs/explain.md work as they are printed there, through Ray to the report."""

from __future__ import annotations

import csv
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from after_ray.store import Store
from sweeps.cli import app
from sweeps.planning.opening import open_study
from sweeps.selections.exporting import COLUMNS
from tests.sweeps.selections.ran import run_here
from tests.sweeps.small import SMALL

PAGE = (Path(__file__).parents[2] / "docs" / "explain.md").read_text()


def after_ray(line: str) -> str:
    """What a command line prints; one that starts Ray has a process of its own."""
    command, *words = shlex.split(line)[1:]
    if command != "run":
        ended = CliRunner().invoke(app, [command, *words])
        assert ended.exit_code == 0, ended.output
        return " ".join(ended.stdout.split())
    arguments = [sys.executable, "-m", "sweeps.cli", command, *words]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split())


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_the_commands_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    study = SMALL | {"fold": [0, 1], "initialization": "clustering"}
    (tmp_path / "STUDY.yaml").write_text(yaml.safe_dump(study))
    (replay,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "REPLAY.yaml").write_text(replay + "initialization: clustering\n")
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
    lines = commands.strip().splitlines()
    assert [line.split()[1] for line in lines] == ["explain", "explain", "export", "run"]
    run_here(open_study(tmp_path / "STUDY.yaml", tmp_path / "store"))
    told = after_ray(lines[0])
    assert "round 1 (20 % of train): 6 of 64 by entropy" in told
    assert "just below the line" in told
    assert "recorded by clustering: " in after_ray(lines[1])
    after_ray(lines[2])
    said = after_ray(lines[3])
    assert "replay(entropy)" in said, "in the report's tables"
    store = Store(tmp_path / "store")
    with open(tmp_path / "selections.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for trajectory in open_study(tmp_path / "REPLAY.yaml", store.root).plan.trajectories:
        if trajectory.axes.strategy == "replay(entropy)":
            acquired = [n for s in trajectory.stages for n in store.need(s.key).details["acquired"]]
            fold = str(trajectory.axes.fold)
            assert acquired == [
                row["utterance"] for row in rows if (row["strategy"], row["fold"]) == ("entropy", fold)
            ]
    assert len({row["fold"] for row in rows}) == 2
    cell = "'strategy=replay(entropy),fold=0'"
    assert "by replay(entropy)" in after_ray(f"after-ray explain REPLAY.yaml --cell {cell} --round 1")


def test_the_page_names_every_column_and_what_a_replay_takes() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert set(COLUMNS) <= named
    assert {"file", "over", "where"} <= set(re.findall(r"\b(\w+)\b", PAGE))
