"""The study of every strategy, made small: each goes through Ray Tune to the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from after_ray.acquisition import Wrapper, parse, strategies
from sweeps.cli import app
from sweeps.planning.opening import open_study

STUDY = Path(__file__).parents[2] / "sweeps" / "strategies.yaml"
SMALL = (
    "corpus.speakers=6",
    "corpus.sentences=3",
    "protocol.folds={count: 3}",
    "adaptation.steps=12",
    "adaptation.batch_seconds=8",
    "classifier.fitting.max_epochs=1",
    "classifier.fitting.min_updates=2",
    "schedule=[20,50]",
    "seed=0",
)
NOT_FOR_EVERY_DAY = {"official_argpartition", "replay"}  # a mistake to study, and what needs a file


def test_the_study_has_every_strategy() -> None:
    opened = open_study(STUDY, Path("store"), SMALL)
    named = {call.name for name in opened.study.strategy for call in parse(name).calls()}
    assert named == set(strategies.names()) - NOT_FOR_EVERY_DAY
    wrappers = {name for name in named if issubclass(strategies.resolve(name), Wrapper)}
    assert wrappers == {"power", "class_balanced"}


@pytest.mark.ray
def test_every_strategy_goes_through_ray_to_the_report(tmp_path: Path) -> None:
    overrides = [part for value in SMALL for part in ("--set", value)]
    store = tmp_path / "store"
    done = CliRunner().invoke(app, ["run", str(STUDY), "--store", str(store), *overrides])
    assert done.exit_code == 0, done.output[-3000:]
    opened = open_study(STUDY, store, SMALL)
    picked = {}
    for trajectory in opened.plan.trajectories:
        first, last = (opened.store.need(stage.key) for stage in trajectory.stages)
        acquired = first.details["acquired"] + last.details["acquired"]
        assert len(set(acquired)) == trajectory.last.size
        picked[trajectory.axes.strategy] = frozenset(last.details["acquired"])
    assert picked.keys() == set(opened.study.strategy)
    assert len(set(picked.values())) > 8, "strategies pick differently"
    report = store / "reports" / "strategies"
    page = (report / "index.html").read_text()
    assert all(name in page for name in picked)
    listed = json.loads(
        CliRunner().invoke(app, ["plan", str(STUDY), "--store", str(store), "--json", *overrides]).output
    )
    assert listed["missing"] == 0
