"""The command that simulates studies of a design, and how a design is read off a study."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeps.cli import app
from sweeps.designs import designs_of
from tests.sweeps.small import small_study


def calibrated(folder: Path, *arguments: str, **changed: object) -> tuple[int, str]:
    opened = small_study(folder, **changed)
    words = ["calibrate", str(opened.path), "--store", str(folder / "store"), *arguments]
    done = CliRunner().invoke(app, words)
    return done.exit_code, done.output


def test_the_design_is_that_of_the_study(tmp_path: Path) -> None:
    opened = small_study(tmp_path, seed="0..3", fold="protocol", schedule=[10, 20, 40, 80, 100])
    (design,) = designs_of(opened).values()
    assert (design.folds, design.cut, design.seeds) == (3, 3, 4)
    assert (design.speakers, design.classes, design.labelled) == (2, 4, 0.40)
    assert design.speakers * design.utterances * design.cut == len(opened.scans[0].manifest)
    fold = opened.plan.splits[0].table.folds[0]
    assert design.test_over_train == pytest.approx(len(fold.test) / len(fold.train), rel=0.05)


def test_a_study_of_some_folds_still_trains_on_the_rest(tmp_path: Path) -> None:
    (design,) = designs_of(small_study(tmp_path, fold=[0, 2])).values()
    assert (design.folds, design.cut) == (2, 3)


def test_it_prints_both_worlds(tmp_path: Path) -> None:
    code, output = calibrated(tmp_path, "--studies", "20", seed="0..1", fold="protocol")
    assert code == 0, output
    assert "both primary tests" in output
    assert "learners on overlapping training sets" in output
    assert "3 folds of 2 speakers, 2 seeds, 20 % labelled" in output


def test_json_is_the_same_for_the_same_seed_and_nothing_else_is_printed(tmp_path: Path) -> None:
    runs = [calibrated(tmp_path, "--studies", "20", "--json", seed="0..1", fold="protocol") for _ in range(2)]
    assert runs[0] == runs[1]
    found = json.loads(runs[0][1])["synthetic"]
    assert found["design"]["seeds"] == 2
    assert {rate["studies"] for world in ("additive", "learners") for rate in found[world]} == {20}


def test_a_single_seed_leaves_a_test_without_a_rate(tmp_path: Path) -> None:
    code, output = calibrated(tmp_path, "--studies", "5", fold="protocol")
    assert code == 0, output
    assert "not defined" in output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--studies", "0"), "greater than or equal to 1"),
        (("--fold-share", "0.7", "--seed-share", "0.6"), "add up to at most 1"),
    ],
)
def test_what_cannot_be_simulated_is_refused(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    code, output = calibrated(tmp_path, *arguments, fold="protocol")
    assert code != 0
    assert said in " ".join(output.split())
    assert "Traceback" not in output
