"""Searches on a real local Ray: poor candidates stopped, killed searches gone on, nothing run twice."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from after_ray.stages import AdaptationStage, FeaturesStage
from after_ray.store import Store
from after_ray.store.ledger import QUARANTINE
from sweeps.cli import app
from sweeps.launching.budget import Limits
from sweeps.launching.launch import launch
from sweeps.launching.ray_start import Where, running_ray
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.running.progress import read_progress
from sweeps.running.studies import prepare
from sweeps.searching.retrying import forgive_failures
from sweeps.searching.running import SearchReport, SharedTooOften, run_search
from sweeps.tracking import default_tracking_uri
from sweeps.tracking._names import experiment_name, query_of
from tests.after_ray.tiny import TINY

STUDY = """\
study: looked
corpus: {name: synthetic, speakers: 8, sentences: 6}
classifier: functionals
schedule: [40, 100]
fold: 0
protocol: {preset: paper, folds: {count: 3}}
"""
GOOD, POOR = (
    (0.03, 0.05, 0.3),
    (1e-7, 2e-7, 3e-7),
)  # penalties that leave a classifier something, and nothing
# Two good ones come first: asynchronous halving stops none that it has nothing to compare with.
SEARCH = """\
search:
  space: {classifier.regularization: {choice: [0.03, 0.05, 0.3, 1.0e-7, 2.0e-7, 3.0e-7]}}
  algorithm: random
  candidates: 6
  sampling_seed: 30
  reduction: 2
  fold: all
  seed: 100
  concurrent: 1
"""

BROKEN = """\
from after_ray.acquisition import Strategy


class Broken(Strategy):
    def _select(self, evidence, budget, generator):
        raise RuntimeError("broken")
"""

DIES_ONCE = """\
import os, pathlib, signal
from after_ray.acquisition.random import Random

class Dies(Random):
    def _select(self, evidence, budget, generator):
        try:
            (pathlib.Path(__file__).parent / "died").touch(exist_ok=False)
        except FileExistsError:
            return super()._select(evidence, budget, generator)
        os.kill(os.getpid(), signal.SIGKILL)
"""
FITTING = "{max_epochs: 1, min_updates: 1, evaluations_per_epoch: 1, batch_size: 8}"
ADAPTED = f"""\
study: looked
corpus: {{name: synthetic, speakers: 6, sentences: 2}}
classifier: {{name: pooled_transformer, fitting: {FITTING}}}
backbone: {{config: {json.dumps(TINY)}}}
adaptation: none
strategy: dies_once:Dies
schedule: [20, 60]
fold: 0
protocol: {{preset: paper, folds: {{count: 3}}}}
search:
  space:
    classifier.fitting.learning_rate: {{choice: [1.0e-3, 1.0e-4]}}
    adaptation: {{choice: [{{name: tapt, steps: 4, batch_seconds: 4, max_seconds: 1, negatives: 5}},
                          {{name: tapt, steps: 5, batch_seconds: 4, max_seconds: 1, negatives: 5}}]}}
  algorithm: random
  candidates: 4
  reduction: 2
  fold: all
  seed: 100
  concurrent: 2
"""

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a strategy that fails, where trials find it."""
    made = tmp_path_factory.mktemp("strategies")
    (made / "broken_on_purpose.py").write_text(BROKEN)
    (made / "dies_once.py").write_text(DIES_ONCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(made), prepend=":")
        patch.setattr(sys, "path", [str(made), *sys.path])
        yield made


@pytest.fixture(scope="module")
def where(folder: Path) -> Iterator[Where]:
    with running_ray(Where(cpus=2)):
        yield Where(cpus=2)


def opened(folder: Path, text: str = STUDY + SEARCH, store: str = "store") -> OpenStudy:
    path = folder / "looked.yaml"
    path.write_text(text)
    return open_study(path, folder / store)


def table(store: Store) -> list[dict[str, str]]:
    with open(store.root / "searches" / "looked" / "candidates.csv", newline="") as file:
        return list(csv.DictReader(file))


def parent_of(made: OpenStudy) -> Any:
    """The study's own run in the store's MLflow."""
    from mlflow import MlflowClient

    client = MlflowClient(default_tracking_uri(made.store))
    experiment = client.get_experiment_by_name(experiment_name(made.study.study))
    (found,) = client.search_runs([experiment.experiment_id], query_of(made.study.study, "study"))
    return found


@pytest.fixture(scope="module")
def undisturbed(where: Where, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, SearchReport]:
    """A search that was run to its end, and what it said."""
    made = opened(tmp_path_factory.mktemp("undisturbed"))
    return made.store, run_search(made, where)


def test_asha_stops_the_worse_half_and_the_best_is_a_good_one(
    undisturbed: tuple[Store, SearchReport],
) -> None:
    store, report = undisturbed
    rows = table(store)
    states = {float(row["classifier.regularization"]): row["state"] for row in rows}
    assert {states[each] for each in POOR} == {"pruned"}
    assert "finished" in {states[each] for each in GOOD}
    assert report.counts["pruned"] + report.counts["finished"] == 6
    progress = read_progress(store, "looked")
    assert progress is not None
    assert progress.search is not None
    assert (progress.ended, progress.search.settled) == ("nothing more to run", 6)
    best = max((row for row in rows if row["state"] == "finished"), key=lambda row: float(row["value"]))
    assert report.best is not None
    assert f"regularization: {best['classifier.regularization']}" in report.best.read_text()


def test_a_second_run_tries_nothing_and_says_the_same(
    undisturbed: tuple[Store, SearchReport], where: Where
) -> None:
    store, first = undisturbed
    done, rows = store.ledger.finished(), table(store)
    again = run_search(open_study(store.root.parent / "looked.yaml", store.root), where)
    assert (again.ran, again.counts, again.best) == (0, first.counts, first.best)
    assert store.ledger.finished() == done
    assert table(store) == rows


def test_a_search_that_is_killed_goes_on_and_ends_like_one_that_was_not(
    undisturbed: tuple[Store, SearchReport], tmp_path: Path, where: Where
) -> None:
    made = opened(tmp_path)
    command = [
        sys.executable,
        "-m",
        "sweeps.cli",
        "search",
        made.path,
        "--store",
        made.store.root,
        "--cpus",
        "1",
    ]
    with (tmp_path / "log").open("w") as log:
        driver = subprocess.Popen(
            [str(word) for word in command], stdout=log, stderr=log, env={**os.environ, "RAY_ADDRESS": ""}
        )
    drawn = made.store.root / "searches" / "looked" / "drawn"
    deadline = time.monotonic() + 200
    while len(list(drawn.glob("*/000003.json"))) == 0 and time.monotonic() < deadline:
        assert driver.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.05)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    settled = {path: path.stat().st_mtime_ns for path in (made.store.root / "ledger").rglob("*.json")}
    report = run_search(made, where)
    assert 0 < report.ran < 6, "those that were settled before are not run again"
    assert table(made.store) == table(undisturbed[0])
    assert {path: path.stat().st_mtime_ns for path in settled} == settled


def test_a_search_over_what_a_grid_has_run_trains_nothing(where: Where, tmp_path: Path) -> None:
    both = STUDY.replace("classifier: functionals", "classifier: [{name: functionals, regularization: 0.03}]")
    grid = opened(tmp_path, both.replace("fold: 0", "fold: all\nseed: 100"))
    prepare(grid)
    launch([grid.plan], grid.store, where)
    before = Store(tmp_path / "store").ledger.finished()
    one = SEARCH.replace("[0.03, 0.05, 0.3, 1.0e-7, 2.0e-7, 3.0e-7]", "[0.03]")
    report = run_search(opened(tmp_path, STUDY + one.replace("candidates: 6", "candidates: 1")), where)
    assert report.counts["finished"] == 1
    new = Store(tmp_path / "store").ledger.finished() - before
    assert [Store(tmp_path / "store").need(key).kind for key in new] == ["candidate"]


def test_a_budget_leaves_candidates_missing_and_chooses_none(where: Where, tmp_path: Path) -> None:
    report = run_search(opened(tmp_path), where, Limits(hours=0.0))
    assert (report.ran, report.best, report.counts["missing"]) == (0, None, 6)
    assert report.stopped is not None
    assert "--max-hours 0 is reached" in report.stopped


def test_what_all_candidates_share_and_failed_too_often_is_named_until_it_is_retried(
    where: Where, tmp_path: Path
) -> None:
    made = opened(tmp_path)
    (shared,) = made.plan.of_kind(FeaturesStage)
    for _ in range(QUARANTINE):
        made.store.ledger.fail(shared, "Something broke.")
    with pytest.raises(SharedTooOften, match=r"failed too often: Something broke\. Mend it.*--retry"):
        run_search(made, where)
    forgive_failures(made)
    assert made.store.ledger.failures() == {}


def test_optuna_goes_on_after_a_failed_candidate_and_run_reports_the_best(
    folder: Path, where: Where, tmp_path: Path
) -> None:
    text = SEARCH.replace("algorithm: random", "algorithm: optuna\n  scheduler: median")
    text = text.replace("concurrent: 1", "").replace("candidates: 6", "candidates: 5")
    text = text.replace("space: {", "space: {strategy: {choice: [random, 'broken_on_purpose:Broken']}, ")
    made = opened(tmp_path, STUDY + text)
    result = CliRunner().invoke(app, ["run", str(made.path), "--store", str(made.store.root), "--cpus", "2"])
    assert result.exit_code == 0, result.output
    broken = [row for row in table(made.store) if row["strategy"] == "broken_on_purpose:Broken"]
    whole = [row for row in table(made.store) if row["strategy"] == "random"]
    assert broken
    assert {row["state"] for row in broken} == {"failed"}
    assert all("RuntimeError: broken" in row["sentence"] for row in broken)
    assert {row["state"] for row in whole} <= {"finished", "pruned"}
    parent = parent_of(made)
    told = {
        name: parent.data.metrics[name] for name in ("candidates", "tried", "failed", "finished", "pruned")
    }
    assert told == {"candidates": 5, "tried": 5, "failed": len(broken)} | {
        state: sum(row["state"] == state for row in whole) for state in ("finished", "pruned")
    }
    assert parent.data.metrics["best_value"] == max(
        float(row["value"]) for row in whole if row["state"] == "finished"
    )
    page = made.store.root / "reports" / "looked-best" / "index.html"
    assert "Chosen among 5 configurations" in page.read_text()


def test_a_search_over_adaptations_outlives_a_lost_process_and_candidates_that_are_set_aside(
    folder: Path, where: Where, tmp_path: Path
) -> None:
    made = opened(tmp_path, ADAPTED)
    report = run_search(made, where)
    assert (folder / "died").exists(), "no process was lost"
    assert report.counts["finished"] + report.counts["pruned"] == 4
    assert report.ran > 4, "the one that was lost ran twice"
    records = [made.store.need(key) for key in made.store.ledger.finished()]
    adapted = [one for one in records if one.kind == AdaptationStage.kind]
    assert 2 <= len(adapted) <= 6, "of two adaptations on three folds"


def test_files_of_what_candidates_stand_on_that_are_gone_are_made_again(where: Where, tmp_path: Path) -> None:
    few = SEARCH.replace("candidates: 6", "candidates: 2")
    made = opened(tmp_path, STUDY + few)
    assert run_search(made, where).counts["failed"] == 0
    store = made.store
    (features,) = [key for key in store.ledger.finished() if store.need(key).kind == "features"]
    folder = store.root / store.need(features).folder
    for name in store.need(features).files:
        (folder / name).unlink()
    shutil.rmtree(store.root / "cache", ignore_errors=True)
    report = run_search(opened(tmp_path, STUDY + SEARCH.replace("candidates: 6", "candidates: 3")), where)
    assert report.counts["failed"] == report.counts["missing"] == 0
    assert store.ledger.failures() == {}
    assert len(list((store.root / "ledger" / features[:2]).glob("*.damaged-*"))) == 1
