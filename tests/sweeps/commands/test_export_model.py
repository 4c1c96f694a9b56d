"""`after-ray export model`: which round is meant, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from after_ray.models import FACTS_FILE, Model
from after_ray.store import MODEL_FILE
from sweeps.cli import app
from sweeps.planning.opening import OpenStudy
from sweeps.planning.trajectories import Trajectory
from tests.sweeps.selections.ran import run_here
from tests.sweeps.small import small_study


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    opened = small_study(tmp_path_factory.mktemp("export"))
    run_here(opened)
    return opened


def export(opened: OpenStudy, *words: object) -> tuple[int, str]:
    command = ["export", *map(str, words), "--store", str(opened.store.root)]
    done = CliRunner().invoke(app, command)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, " ".join(done.output.split())


def entropy(opened: OpenStudy) -> Trajectory:
    return next(t for t in opened.plan.trajectories if t.axes.strategy == "entropy")


def key_in(folder: Path) -> str:
    return str(json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))["key"])


def test_a_cell_and_a_ratio_name_a_round(ran: OpenStudy, tmp_path: Path) -> None:
    stages = entropy(ran).stages
    cell = ("--cell", "strategy=entropy")
    code, said = export(ran, "model", ran.path, *cell, "--out", tmp_path / "last")
    assert code == 0, said
    assert key_in(tmp_path / "last") == stages[-1].key
    assert "functionals (model.ts), anger, happy, neutral, sad" in said
    assert "entropy, fold 0, seed 0, 40 % of train" in said
    assert "within 0.0e+00 of the record" in said
    assert not ran.store.has(ran.store.need(stages[1].key), MODEL_FILE)
    code, said = export(ran, "model", ran.path, *cell, "--ratio", 20, "--out", tmp_path / "middle")
    assert code == 0, said
    assert key_in(tmp_path / "middle") == stages[1].key
    assert "its weights are not kept: training 1 round again" in said  # a convex problem starts afresh
    assert "within 0.0e+00 of the record" in said
    assert Model.load(tmp_path / "middle").facts.study == "small"


def test_a_key_alone_names_its_round(ran: OpenStudy, tmp_path: Path) -> None:
    first = entropy(ran).stages[1]
    code, said = export(ran, ran.path, "--cell", first.key[:12], "--out", tmp_path / "one", "--no-script")
    assert code == 0, said
    assert key_in(tmp_path / "one") == first.key
    assert "functionals (no TorchScript)" in said
    code, said = export(ran, ran.path, "--cell", first.key[:12], "--ratio", 40, "--out", tmp_path / "two")
    assert (code, "--ratio 40: allowed is 20, the ratio of the round" in said) == (1, True)
    assert not (tmp_path / "two").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "differ in strategy random, entropy; name one value of each, such as strategy=random"),
        (("--cell", "strategy=margin"), "strategy=margin"),
        (("--cell", "strategy=entropy", "--ratio", "30"), "--ratio 30: allowed is 10, 20, 40, in percent"),
        (("--labelling", "mine"), "--labelling 'mine' are two studies"),
        (("--cell", "strategy=entropy", "--set", "seed=5"), "is not trained yet"),
    ],
)
def test_what_means_no_finished_round_is_told(
    words: tuple[str, ...], told: str, ran: OpenStudy, tmp_path: Path
) -> None:
    code, said = export(ran, "model", ran.path, *words, "--out", tmp_path / "model")
    assert code == 1
    assert told in said
    assert not (tmp_path / "model").exists()


def test_a_key_without_a_study_asks_for_it(ran: OpenStudy, tmp_path: Path) -> None:
    key = entropy(ran).key[:8]
    code, said = export(ran, key, "--out", tmp_path / "model")
    assert code == 1
    assert f"after-ray export model STUDY.yaml --cell '{key}' --store" in said


def test_other_words_are_no_cell(ran: OpenStudy) -> None:
    code, said = export(ran, "selection")
    assert code == 2
    assert "No such command 'selection'" in said


def test_nothing_is_written_over(ran: OpenStudy, tmp_path: Path) -> None:
    code, said = export(ran, "model", ran.path, "--cell", "strategy=entropy", "--out", tmp_path)
    assert (code, "nothing is written over" in said) == (1, True)
