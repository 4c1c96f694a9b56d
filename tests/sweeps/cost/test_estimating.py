"""`after-ray plan` says what studies will take, on what cluster, and on what the number rests."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeps.cli import app
from sweeps.cost.estimating import estimate_of, numbers_of, this_machine
from sweeps.planning.changes import changes
from sweeps.planning.counting import counts
from sweeps.planning.opening import open_study
from sweeps.scheduling.schedule import Capacity

STUDY = """\
study: {name}
corpus: {{name: synthetic, speakers: 6, sentences: 5}}
classifier: {{name: pooled_transformer, fitting: {{max_epochs: 1, min_updates: 1}}}}
backbone: {{config: {{hidden_size: 16, num_attention_heads: 2, num_hidden_layers: 1, intermediate_size: 32}}}}
adaptation: {{name: tapt, steps: 500, batch_seconds: 20}}
strategy: [random, {strategy}]
schedule: [10, 20, 40, 60, 80, 100]
fold: 0
protocol: {{preset: paper, folds: {{count: 3}}}}
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two studies that share an adaptation, features, a round 0 and a trajectory."""
    for name, strategy in (("one", "entropy"), ("other", "margin")):
        (tmp_path / f"{name}.yaml").write_text(STUDY.format(name=name, strategy=strategy))
    return [str(tmp_path / "one.yaml"), str(tmp_path / "other.yaml")]


def plan(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["plan", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


def test_planned_together_studies_cost_less_than_alone_and_much_less_than_cells(
    files: list[str], tmp_path: Path
) -> None:
    store = ["--store", tmp_path / "store", "--json"]
    one, other = (json.loads(plan(file, *store)) for file in files)
    both = json.loads(plan(*files, *store))
    assert both["planned_hours"] < one["planned_hours"] + other["planned_hours"]
    assert both["ratio"] == pytest.approx(both["naive_hours"] / both["planned_hours"])
    assert both["ratio"] > one["ratio"] > 1
    assert (both["cells"], one["cells"], both["trajectories"]) == (18, 12, 3)
    assert both["basis"] == "assumed"
    assert both["hours_by_kind"]["adaptation"]["naive"] == pytest.approx(
        18 * both["hours_by_kind"]["adaptation"]["planned"]
    ), "each of 18 cells would adapt for itself"
    assert [study["study"] for study in both["studies"]] == ["one", "other"]


def test_a_cluster_that_is_too_small_is_told_so(files: list[str], tmp_path: Path) -> None:
    small = ("--store", tmp_path / "store", "--set", "resources={cpu: 8, gpu: 2}", "--cpus", 4, "--gpus", 1)
    said = " ".join(plan(files[0], *small).split())
    assert "takes 8 cores and 2 GPUs, and the cluster asked about has 4 and 1" in said
    assert json.loads(plan(files[0], *small, "--json"))["wall_hours"] is None
    large = ("--store", tmp_path / "store", "--set", "resources={cpu: 8, gpu: 2}", "--cpus", 64, "--gpus", 8)
    assert "on 64 cores and 8 GPUs" in " ".join(plan(files[0], *large).split())
    assert json.loads(plan(files[0], *large, "--json"))["wall_hours"] > 0


def test_ten_thousand_cells_are_planned_and_estimated_quickly(files: list[str], tmp_path: Path) -> None:
    opened = open_study(Path(files[0]), tmp_path / "store", ["seed=0..832"])
    began = time.perf_counter()
    assert counts([opened.plan], set())["cells"] == 2 * 833 * 6
    changes(opened.plan, set())
    numbers = numbers_of(estimate_of([opened]), Capacity(64, 0))
    print(f"{time.perf_counter() - began:.2f} s")
    assert numbers["ratio"] > 1


def test_this_machine_is_meant_where_no_cluster_is_named() -> None:
    assert this_machine().cpus >= 1
    assert this_machine(7, 3) == Capacity(7, 3)


@pytest.mark.slow
def test_a_short_measurement_replaces_what_was_assumed(files: list[str], tmp_path: Path) -> None:
    store = ("--store", tmp_path / "store")
    said = plan(files[0], *store, "--measure")
    assert re.search(r"measured \d+ speeds", said)
    assert "estimate (measured" in said
    assert json.loads(plan(files[0], *store, "--json"))["basis"] == "measured"
    assert "nothing to measure" in plan(files[0], *store, "--measure")
