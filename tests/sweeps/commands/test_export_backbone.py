"""`after-ray export backbone`: from a study that adapts to a study that starts from what was adapted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from after_ray.environment import Execution
from after_ray.execution.features import open_features
from sweeps.cli import app
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.reporting.describing import study_info
from sweeps.reporting.methods import checklist_of
from tests.after_ray.tiny import TINY
from tests.sweeps.selections.ran import run_here

PRE = {
    "study": "pre",
    "corpus": {"name": "synthetic", "speakers": 6, "sentences": 3},
    "classifier": {
        "name": "pooled_transformer",
        "fitting": {"max_epochs": 1, "min_updates": 2, "batch_size": 8},
    },
    "backbone": {"config": {name: list(v) if isinstance(v, tuple) else v for name, v in TINY.items()}},
    "adaptation": [
        "none",
        {"name": "tapt", "steps": 2, "batch_seconds": 8, "max_seconds": 2, "negatives": 5},
        {
            "name": "tapt",
            "steps": 3,
            "batch_seconds": 8,
            "max_seconds": 2,
            "negatives": 5,
            "repeat": "per_seed",
        },
    ],
    "strategy": "random",
    "schedule": [20],
    "fold": [0, 1],
    "seed": [0, 1],
    "protocol": {"preset": "paper", "folds": {"count": 3}},
}


def opened(folder: Path, values: dict[str, object]) -> OpenStudy:
    path = folder / f"{values['study']}.yaml"
    path.write_text(yaml.safe_dump(values))
    return open_study(path, folder / "store")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    pre = opened(tmp_path_factory.mktemp("export"), PRE)
    run_here(pre)
    return pre


def export(study: OpenStudy, out: Path, *words: str) -> tuple[int, str]:
    command = ["export", "backbone", str(study.path), "--store", str(study.store.root), "--out", str(out)]
    done = CliRunner().invoke(app, [*command, *words])
    return done.exit_code, " ".join(done.output.split())


def test_a_study_goes_on_from_what_another_adapted(ran: OpenStudy, tmp_path: Path) -> None:
    out = tmp_path / "own"
    code, said = export(ran, out, "--only", "fold=0", "--adaptation", "tapt-1")
    assert code == 0, said
    assert "pre-trained here from random weights on 62 s (synthetic, train of fold 0); with the heads" in said
    post = {**PRE, "study": "post", "backbone": str(out), "adaptation": "none", "fold": 0, "seed": 0}
    following = open_study(_written(tmp_path, post), ran.store.root)
    run_here(following)
    adapted = next(t for t in ran.plan.trajectories if t.axes.adaptation == "tapt-1" and t.axes.fold == 0)
    (plain,) = following.plan.trajectories
    assert plain.first.adapted is None
    untouched = next(t for t in ran.plan.trajectories if t.axes.adaptation == "none")
    execution = Execution(str(ran.store.root), str(tmp_path / "cache"))
    before, after, never = (
        np.asarray(open_features(one.first.features, execution).values) for one in (adapted, plain, untouched)
    )
    assert np.array_equal(before, after)
    assert not np.array_equal(never, after)

    told = study_info(following)
    assert told.weights_are == "random"
    assert told.made_here == ("pre-trained here from random weights on 62 s (synthetic, train of fold 0)",)
    assert told.backbones == ()
    assert not plain.axes.pretrained
    answers = {item.question: item.answer for item in checklist_of(following)}
    weights = answers["Which weights does it start from?"]
    assert weights.startswith("own, pre-trained here from random weights on 62 s")
    assert "origin" not in following.resolved_yaml


def test_a_fold_that_tests_what_was_heard_is_refused(ran: OpenStudy, tmp_path: Path) -> None:
    out = tmp_path / "own"
    assert export(ran, out, "--only", "fold=0", "--adaptation", "tapt-1")[0] == 0
    post = {**PRE, "study": "post", "backbone": str(out), "adaptation": "none", "seed": 0}
    words = ["plan", str(_written(tmp_path, post)), "--store", str(ran.store.root)]
    done = CliRunner().invoke(app, words)
    said = " ".join(done.output.split())
    assert done.exit_code == 1
    assert "The backbone own has heard" in said
    assert "that fold 1 of synthetic tests: synthetic/" in said
    assert CliRunner().invoke(app, [*words, "--only", "fold=0"]).exit_code == 0


def test_weights_that_know_labels_learn_nothing_actively_among_them(tmp_path: Path) -> None:
    pseudo = {
        "name": "pseudo_tapt",
        "steps": 2,
        "batch_seconds": 8,
        "max_seconds": 2,
        "codebooks": [4, 8],
        "frame_width": 8,
        "frame_steps": 2,
    }
    pre = opened(tmp_path, {**PRE, "adaptation": pseudo, "schedule": [100], "fold": 0, "seed": 0})
    run_here(pre)
    out = tmp_path / "own"
    code, said = export(pre, out)
    assert code == 0, said
    assert "train of fold 0, with its labels)" in said
    post = {**PRE, "study": "post", "backbone": str(out), "adaptation": "none", "fold": 0, "seed": 0}

    def plan(**changed: object) -> tuple[int, str]:
        words = ["plan", str(_written(tmp_path, post | changed)), "--store", str(pre.store.root)]
        done = CliRunner().invoke(app, words)
        return done.exit_code, " ".join(done.output.split())

    code, said = plan(strategy=["random", "entropy"], schedule=[20, 40])
    assert code == 1
    assert "The training of the backbone own reads the labels of all of train before round 0" in said
    assert plan(schedule=[100])[0] == 0
    answers = {
        item.question: item.answer
        for item in checklist_of(open_study(tmp_path / "post.yaml", pre.store.root))
    }
    assert any("The training of the backbone own read labels" in answer for answer in answers.values())


def _written(folder: Path, values: dict[str, object]) -> Path:
    path = folder / f"{values['study']}.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_several_are_told_apart_by_what_only_would_take(ran: OpenStudy, tmp_path: Path) -> None:
    code, said = export(ran, tmp_path / "own")
    assert code == 1
    assert "6 adaptations match, and one is written at a time; choose with one of: --only" in said
    assert "--only 'adaptation=tapt-1,fold=0'; --only 'adaptation=tapt-2,fold=0,seed=0'; --only" in said
    assert said.endswith("; and 1 more of them.")
    code, said = export(ran, tmp_path / "own", "--only", "fold=1", "--adaptation", "tapt-2")
    assert (code, "--only 'seed=0'; --only 'seed=1'." in said) == (1, True)
    assert not (tmp_path / "own").exists()
    code, said = export(ran, tmp_path / "own", "--only", "adaptation=tapt-2,fold=1,seed=1")
    assert code == 0, said
    written = json.loads((tmp_path / "own" / "after_ray.json").read_text())
    assert (written["trainings"][0]["seed"], written["trainings"][0]["fold"]) == (1, 1)


def test_a_name_that_is_not_there_is_refused(ran: OpenStudy, tmp_path: Path) -> None:
    code, said = export(ran, tmp_path / "own", "--adaptation", "tapt")
    assert (code, "Unknown adaptation 'tapt'; allowed: tapt-1, tapt-2" in said) == (1, True)
    code, said = export(ran, tmp_path / "own", "--only", "adaptation=none")
    assert (code, "adapts a backbone; allowed: a study with an 'adaptation'" in said) == (1, True)


def test_what_is_not_finished_says_what_to_run(ran: OpenStudy, tmp_path: Path) -> None:
    words = ("--set", "seed=7", "--only", "adaptation=tapt-2,fold=1")
    code, said = export(ran, tmp_path / "own", *words)
    assert code == 1
    only = "corpus=synthetic,method=pooled_transformer,adaptation=tapt-2,fold=1,seed=7"
    run = f"after-ray run {ran.path} --store {ran.store.url} --set seed=7 --only {only}"
    assert f"is not finished; run: {run}" in said
    assert not (tmp_path / "own").exists()


def test_a_folder_that_is_something_else_is_refused(ran: OpenStudy, tmp_path: Path) -> None:
    words = ("--adaptation", "tapt-1", "--only")
    assert export(ran, tmp_path / "own", *words, "fold=0")[0] == 0
    assert export(ran, tmp_path / "own", *words, "fold=0")[0] == 0
    code, said = export(ran, tmp_path / "own", *words, "fold=1")
    assert (code, "is there already and is not this backbone" in said) == (1, True)
