"""How many trials run side by side, and what OMP_NUM_THREADS says, changes no number of a study."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from after_ray.classifiers._settings import FunctionalsSettings
from after_ray.environment import Execution
from after_ray.initialization._settings import RandomSettings
from after_ray.splits._settings import FoldChoice
from after_ray.stages import AudioStage, FirstRoundStage
from after_ray.store import PREDICTIONS_FILE, Store
from sweeps.launching.launch import Where, launch
from sweeps.planning.opening import open_study
from sweeps.running.studies import prepare
from tests.after_ray.tiny import TINY

CONFIG = {name: list(value) if isinstance(value, tuple) else value for name, value in TINY.items()}
STUDY = f"""\
study: workers
corpus: {{name: synthetic, speakers: 6, sentences: 2}}
backbone: {{config: {json.dumps(CONFIG)}}}
classifier:
  - functionals
  - {{name: pooled_transformer, fitting: {{max_epochs: 1, min_updates: 3, batch_size: 8}}}}
strategy: [random, entropy, 'threads_seen:Watching']
schedule: [30, 60, 100]
protocol: {{preset: paper, folds: {{count: 3}}}}
fold: [0]
"""
# A strategy of one's own that writes down the threads that its trial has, a line per acquisition.
WATCHING = """\
import json
import os

import threadpoolctl
import torch

from after_ray.acquisition import strategies


class Watching(strategies.resolve("margin")):
    def _select(self, evidence, budget, generator):
        pools = {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
        with open(os.environ["THREADS_SEEN"], "a") as file:
            file.write(json.dumps([torch.get_num_threads(), sorted(pools)]) + "\\n")
        return super()._select(evidence, budget, generator)
"""


class World:
    """A study that can be run with other workers in other environments, and what its trials saw there."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._patch = patch
        (folder / "workers.yaml").write_text(STUDY)
        (folder / "threads_seen.py").write_text(WATCHING)
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))

    def run(self, name: str, cpus: int, said: str) -> dict[str, object]:
        """Results of all rounds, on a local Ray of `cpus` cores where OMP_NUM_THREADS is `said`."""
        opened = open_study(self._folder / "workers.yaml", self._folder / name)
        prepare(opened)  # fixes the threads of this process, hence its OMP_NUM_THREADS
        self._patch.setenv("OMP_NUM_THREADS", said)
        self._patch.setenv("THREADS_SEEN", str(self._folder / f"{name}.threads"))
        outcome = launch([opened.plan], opened.store, Where(cpus=cpus))
        assert not outcome.failed
        return results(opened.store)

    def threads(self, name: str) -> list[Any]:
        """Threads of torch, and of every pool of BLAS and OpenMP, at each acquisition."""
        return [json.loads(line) for line in (self._folder / f"{name}.threads").read_text().splitlines()]


def results(store: Store) -> dict[str, object]:
    """Per round what must be equal bit for bit: measures, picks in their order, predictions."""
    records = [store.need(key) for key in store.ledger.finished()]
    return {
        record.key: (dict(record.measures), record.details["acquired"], record.files[PREDICTIONS_FILE].sha256)
        for record in records
        if record.kind == "round"
    }


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_neither_the_number_of_workers_nor_omp_num_threads_changes_a_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, monkeypatch)
    alone = world.run("alone", cpus=1, said="2")
    assert len(alone) == 2 * (1 + 3 * 2), "two classifiers, round 0 shared by three strategies"
    assert world.run("beside", cpus=2, said="3") == alone
    for name in ("alone", "beside"):
        assert world.threads(name) == 4 * [[1, [1]]], "resources.cpu is 1"


def test_a_process_that_is_used_again_takes_the_threads_of_its_next_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainables.trial import StageTrial

    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    stage = FirstRoundStage(AudioStage("0123"), FoldChoice(), FunctionalsSettings(), RandomSettings(), 8, 0)
    trial = StageTrial.__new__(StageTrial)  # its constructor is Ray's
    for take, threads in ((trial.setup, 3), (trial.reset_config, 2), (trial.reset_config, 1)):
        execution = Execution(str(tmp_path / "store"), str(tmp_path / "cache"), threads=threads)
        take({"kind": "first_round", "stage": stage, "execution": execution})
        assert (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]) == (threads, str(threads))
