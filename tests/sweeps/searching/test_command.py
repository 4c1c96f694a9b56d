"""The command `search`: one sentence where there is nothing to look for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeps.cli import app
from tests.sweeps.searching.toy import STUDY


def test_a_study_without_a_search_is_sent_to_run(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(STUDY.split("search:")[0])
    result = CliRunner().invoke(app, ["search", str(path), "--store", str(tmp_path / "store")])
    assert result.exit_code == 1
    assert "'small' has no 'search:' block" in result.output
    assert "after-ray run" in result.output


@pytest.mark.slow
def test_help_and_the_candidates_table_need_neither_torch_nor_ray() -> None:
    code = (
        "import sys; from sweeps.cli import app; import sweeps.searching.book, sweeps.searching.results; "
        "print({'torch', 'ray', 'mlflow', 'optuna'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


def test_plan_and_status_tell_how_far_a_search_is(tmp_path: Path) -> None:
    study = tmp_path / "tuned.yaml"
    study.write_text(
        "study: tuned\n"
        "corpus: {name: synthetic, speakers: 6, sentences: 5}\n"
        "classifier: functionals\n"
        "schedule: [20, 60]\n"
        "fold: 0\n"
        "protocol: {preset: paper, folds: {count: 3}}\n"
        "search: {space: {classifier.regularization: {loguniform: [0.001, 100]}}, algorithm: random, "
        "candidates: 4, scheduler: none, fold: [0, 1], seed: 100}\n"
    )
    (tmp_path / "store" / "ledger").mkdir(parents=True)
    told = "search of tuned: 4 candidates, 0 finished, 0 pruned, 0 failed, 4 missing"
    for verb in ("plan", "status"):
        done = CliRunner().invoke(app, [verb, str(study), "--store", str(tmp_path / "store")])
        assert told in " ".join(done.output.split()), done.output
