"""An adaptation that fails is noted under its key, and nothing that rests on it runs; all the rest does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ray.tune.search import Searcher

from after_ray.environment import Execution
from after_ray.execution.corpus import prepare_audio
from after_ray.stages import AdaptationStage, AudioStage
from after_ray.store import Store
from sweeps.launching.ready import ReadyFirst
from sweeps.planning.counting import counts
from sweeps.planning.jobs import jobs_of
from sweeps.planning.opening import OpenStudy, open_study
from tests.after_ray.tiny import TINY
from trainables.trial import StageTrial

FAILING = "{name: tapt, steps: 20, batch_seconds: 8, negatives: 5, learning_rate: 1.0e+30, warmup_steps: 0}"
FITTING = "{max_epochs: 1, min_updates: 1, evaluations_per_epoch: 1, batch_size: 8}"
STUDY = f"""\
study: failing
corpus: {{name: synthetic, speakers: 6, sentences: 3}}
classifier: {{name: pooled_transformer, fitting: {FITTING}}}
backbone: {{config: {json.dumps(TINY)}}}
adaptation: [none, {FAILING}]
strategy: random
schedule: [20, 60]
fold: 0
protocol: {{preset: paper, folds: {{count: 3}}}}
"""
NONE_OF_IT = 2  # cells without adaptation: one for each ratio

pytestmark = pytest.mark.ray


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "failing.yaml"
    path.write_text(STUDY)
    return path


def only(opened: OpenStudy, kind: type) -> Any:
    (stage,) = opened.plan.of_kind(kind).values()
    return stage


def step(config: dict[str, Any]) -> dict[str, Any]:
    """One step of a trial in this process."""
    trial = StageTrial.__new__(StageTrial)  # its constructor is Ray's
    trial.setup(config)
    return trial.step()


def test_what_rests_on_a_failed_adaptation_is_never_suggested(study: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    opened = open_study(study, store)
    prepare_audio(only(opened, AudioStage), opened.scans[0], opened.study.corpus[0], opened.store)
    adaptation = only(opened, AdaptationStage)
    jobs = jobs_of([opened.plan], set())
    search = ReadyFirst(jobs, lambda job: Execution(str(store), str(tmp_path / "cache")))
    first = search.suggest("adaptation")
    assert isinstance(first, dict)
    assert first["stage"].key == adaptation.key
    result = step(first)
    assert "Training diverged: the adaptation loss is nan at update" in result["failed"]
    search.on_trial_complete("adaptation", result)

    resting = {key for key, job in jobs.items() if adaptation.key in job.needs}
    kinds = {jobs[key].kind for key in resting}
    assert kinds == {"features", "first_round", "trajectory"}
    assert search.blocked == dict.fromkeys(resting, adaptation.key)
    ran = []
    while isinstance(config := search.suggest(str(len(ran))), dict):
        ran.append(config["stage"].key)
        search.on_trial_complete(str(len(ran) - 1), {"done": True})
    assert config == Searcher.FINISHED
    assert set(ran) == set(jobs) - resting - {adaptation.key}

    kept = Store(store)
    assert kept.find(adaptation.key) is None
    failure = kept.ledger.failures()[adaptation.key]
    assert failure.sentence == result["failed"]
    assert "DivergedTraining" in (store / failure.log).read_text()
    assert counts([opened.plan], set(), kept.ledger.failures())["failed"] == 2


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_study_with_a_failing_adaptation_finishes_the_rest_and_says_why(
    study: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    done = after_ray("run", study, "--store", store, "--no-report")
    assert done.returncode == 1
    assert "Training diverged: the adaptation loss is nan" in done.stdout
    counts = json.loads(after_ray("plan", study, "--store", store, "--json").stdout)
    assert (counts["done"], counts["failed"]) == (NONE_OF_IT, counts["cells"] - NONE_OF_IT)
    kept = Store(store)
    opened = open_study(study, store)
    adaptation = only(opened, AdaptationStage)
    resting = {key for key, job in jobs_of([opened.plan], set()).items() if adaptation.key in job.needs}
    assert kept.ledger.finished().isdisjoint(resting), "work that rests on the failed adaptation was done"
    assert kept.ledger.failures()[adaptation.key].attempts == 1


def after_ray(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sweeps.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280)
