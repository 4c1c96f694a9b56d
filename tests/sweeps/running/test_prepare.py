"""What the driver puts into the store before any trial runs, and that trials use just that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from after_ray.environment import Execution
from after_ray.errors import AfterRayError
from after_ray.execution import run
from after_ray.execution.kept_folds import keep_folds
from after_ray.stages import MADE_BY_DRIVER
from sweeps.cli import app
from sweeps.planning.opening import open_study
from sweeps.provenance.declared import declared_at
from sweeps.running.studies import prepare

STUDY = """\
study: edited
corpus: {name: synthetic, speakers: 4, sentences: 3}
classifier: functionals
schedule: [100]
fold: 0
"""
CLAIMS = """\
families: [{name: main, compare: strategy, against: random}]
"""


def test_a_study_trains_and_tests_on_the_parts_of_its_own_fold_file(tmp_path: Path) -> None:
    study, store = tmp_path / "study.yaml", tmp_path / "store"
    study.write_text(STUDY)
    words = ["corpora", "folds", str(study), "--store", str(store), "--out", str(tmp_path)]
    assert CliRunner().invoke(app, [*words, "--set", "protocol.folds.count=2"]).exit_code == 0
    path = tmp_path / "synthetic.folds.csv"
    lines = path.read_text().splitlines()
    row = next(number for number, line in enumerate(lines) if line.split(",")[1] == "train")
    moved = lines[row].split(",")[0]
    lines[row] = lines[row].replace(",train", ",unused", 1)
    path.write_text("\n".join(lines) + "\n")

    opened = open_study(study, store, ["protocol.folds.file=synthetic.folds.csv"])
    prepare(opened)
    execution = Execution(str(store), str(tmp_path / "cache"))
    (trajectory,) = opened.plan.trajectories
    for stage in reversed(trajectory.first.needs()):
        if not isinstance(stage, MADE_BY_DRIVER):
            run(stage, execution)
    record = run(trajectory.last, execution)

    part = opened.plan.splits[0].table.folds[0]
    names = opened.scans[0].manifest.table["utterance"]
    assert moved not in record.details["acquired"]
    assert sorted(record.details["acquired"]) == sorted(names.iloc[part.train])
    assert record.details["folds"]["digest"] == opened.plan.splits[0].table.digest
    assert (record.measures["test"], record.measures["validation"]) == (len(part.test), len(part.validation))


def test_what_a_study_claims_is_written_down_before_anything_runs(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(STUDY + "strategy: [random, entropy]\n" + CLAIMS)
    opened = open_study(study, tmp_path / "store", ["schedule=[50,100]", "protocol.folds.count=2"])
    assert declared_at(opened.study, opened.store, finished=False) is None
    prepare(opened)
    assert declared_at(opened.study, opened.store, finished=False) is not None


def test_folds_that_another_run_wrote_meanwhile_stop_this_one(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(STUDY)
    opened = open_study(study, tmp_path / "store", ["protocol.folds.count=2"])
    (split,), manifest = opened.plan.splits, opened.scans[0].manifest
    part = split.table.folds[0]
    validation = np.sort(np.append(part.validation, part.train[0]))
    other = replace(part, train=part.train[1:], validation=validation)
    keep_folds(split.stage, manifest, opened.store, replace(split.table, folds=(other, split.table.folds[1])))
    with pytest.raises(
        AfterRayError, match=r"written to the store by another run .* run the same command again"
    ):
        prepare(opened)
