"""A study through the engine against the same cells as independent Tune trials, as JSON.

    python benchmarks/engine.py [--set key=value ...] [--cpus 2]

The study is `engine.study.yaml` beside this file; its adaptation takes about as long as one trajectory. The
naive side is what a user of Ray Tune alone writes: one trial per cell, which adapts the backbone, computes
the features and runs its own rounds up to its ratio, all in a store of its own. It is spared what does not
belong to the comparison: the prepared audio and the folds are copied to it, and its processes are reused from
trial to trial. The engine's side is `sweeps.launching.launch`, on the same Ray, with as many trials at once.

`ratio`: wall-clock of the naive side over that of the engine. Target: at least 8. `factors`: by how much the
work shrinks, in seconds of the engine's own records, with one thing shared after the other: the adaptation, a
trajectory for all its ratios (prefix), round 0 for all strategies, the features (cache). `same_results`
says whether both sides recorded equal UA for every cell.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from after_ray.environment import Execution, describe, fix_threads
from after_ray.stages import MADE_BY_DRIVER, Stage, ancestors, rounds
from after_ray.store import Store
from sweeps.launching.launch import launch
from sweeps.launching.ray_start import Where, running_ray
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.planning.plan import Plan
from sweeps.running.studies import prepare

STUDY = Path(__file__).with_name("engine.study.yaml")
TARGET = 8.0


def main() -> None:
    options = parse()
    where = Where(cpus=options.cpus)
    busy = os.getloadavg()[0]
    printed = sys.stdout
    with (
        contextlib.redirect_stdout(sys.stderr),  # what a study says while it runs
        tempfile.TemporaryDirectory() as temporary,
        running_ray(where),
    ):
        folder = Path(temporary)
        opened = open_study(STUDY, folder / "store", options.set)
        prepare(opened)
        shutil.copytree(folder / "store", folder / "bare")
        warm_up(opened, folder)
        began = time.perf_counter()
        naive = run_naive(opened.plan, folder)
        naive_seconds = time.perf_counter() - began
        began = time.perf_counter()
        outcome = launch([opened.plan], opened.store, where)
        engine_seconds = time.perf_counter() - began
        assert not outcome.failed, outcome.failed
        result = summary(opened, naive, naive_seconds, engine_seconds, busy)
        print(json.dumps(result, indent=1), file=printed)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--set", action="append", default=[], help="override of the study, key=value")
    parser.add_argument("--cpus", type=int, default=2, help="trials at once")
    return parser.parse_args()


def warm_up(opened: OpenStudy, folder: Path) -> None:
    """Let each worker process import torch and compute something, before anything is timed."""
    shutil.copytree(folder / "bare", folder / "warm")
    short = opened.plan.restricted(lambda trajectory: trajectory.axes.strategy == "random")
    tune_naive([cell_job(short, index, folder / "warm") for index in (0, len(short.cells) // 2)])


def cell_job(plan: Plan, index: int, bare: Path) -> dict[str, Any]:
    """One cell as a trial of its own: its round, with the whole chain below it."""
    cell = plan.cells[index]
    stage = next(s for t in plan.trajectories if t.key == cell.trial for s in t.stages if s.key == cell.key)
    return {"stage": stage, "bare": str(bare), "threads": plan.study.resources.cpu, "key": cell.key}


def run_naive(plan: Plan, folder: Path) -> dict[str, float]:
    """Every cell on its own; UA by key of the cell's round."""
    return tune_naive([cell_job(plan, index, folder / "bare") for index in range(len(plan.cells))])


def tune_naive(jobs: list[dict[str, Any]]) -> dict[str, float]:
    from ray import tune

    class Independent(tune.Trainable):
        """Adapts, extracts, trains up to one ratio, and shares nothing."""

        def setup(self, config: dict[str, Any]) -> None:
            self.job = config["job"]

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.setup(new_config)
            return True

        def step(self) -> dict[str, Any]:
            return {"done": True, "key": self.job["key"], "ua": alone(self.job)}

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            """Nothing."""

    with tempfile.TemporaryDirectory() as scratch:
        results = tune.Tuner(
            tune.with_resources(Independent, {"cpu": jobs[0]["threads"]}),
            param_space={"job": tune.grid_search(jobs)},
            tune_config=tune.TuneConfig(reuse_actors=True),
            run_config=tune.RunConfig(storage_path=scratch, verbose=0),
        ).fit()
    return {result.metrics["key"]: result.metrics["ua"] for result in results if result.metrics}


def alone(job: dict[str, Any]) -> float:
    """UA of one cell, computed from the prepared audio in a store of its own."""
    from after_ray.execution import run

    fix_threads(job["threads"])
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        shutil.copytree(job["bare"], store)
        execution = Execution(str(store), str(Path(folder) / "cache"), threads=job["threads"])
        for stage in needed(job["stage"]):
            run(stage, execution)
        ua = run(job["stage"], execution).measures["ua"]
        assert ua is not None
        return float(ua)


def needed(stage: Stage) -> list[Stage]:
    """What a round rests on but for its own chain and what the driver makes, what is needed first."""
    first = rounds(stage)[0]  # type: ignore[arg-type]
    return [below for below in reversed([*ancestors(first)]) if not isinstance(below, MADE_BY_DRIVER)]


def summary(
    opened: OpenStudy, naive: dict[str, float], naive_seconds: float, engine_seconds: float, busy: float
) -> dict[str, Any]:
    store, plan = opened.store, opened.plan
    equal = all(store.need(key).measures["ua"] == ua for key, ua in naive.items())
    return {
        "cells": len(plan.cells),
        "trajectories": len(plan.trajectories),
        "naive_seconds": round(naive_seconds, 1),
        "engine_seconds": round(engine_seconds, 1),
        "ratio": round(naive_seconds / engine_seconds, 2),
        "target": TARGET,
        "reached": naive_seconds / engine_seconds >= TARGET,
        "factors": factors(plan, store),
        "same_results": equal and naive.keys() == {cell.key for cell in plan.cells},
        "load_before": round(busy, 2),
        "environment": describe(Execution(str(store.root), "", threads=plan.study.resources.cpu)),
    }


def factors(plan: Plan, store: Store) -> dict[str, float]:
    """Work of all cells alone, over what is left of it as one thing after the other is shared."""

    def took(key: str) -> float:
        return store.need(key).seconds["total"]

    def of_kind(trajectory: Any, kind: str) -> list[str]:
        return [stage.key for stage in ancestors(trajectory.first) if stage.kind == kind]

    adaptations = features = chains = firsts = 0.0
    first_rounds: set[str] = set()
    for trajectory in plan.trajectories:
        stages = [took(stage.key) for stage in trajectory.stages]
        count = len(stages)
        adaptations += count * sum(map(took, of_kind(trajectory, "adaptation")))
        features += count * sum(map(took, of_kind(trajectory, "features")))
        chains += sum(sum(stages[: index + 1]) for index in range(count))
        firsts += stages[0]
        first_rounds.add(trajectory.first.key)
    whole = sum(took(stage.key) for t in plan.trajectories for stage in t.stages)
    kept = {
        kind: sum(took(k) for k, s in plan.shared.items() if s.kind == kind)
        for kind in ("adaptation", "features")
    }
    once = sum(map(took, first_rounds))
    steps = {
        "naive": adaptations + features + chains,
        "adaptation": kept["adaptation"] + features + chains,
        "prefix": kept["adaptation"] + features + whole,
        "round_0": kept["adaptation"] + features + whole - firsts + once,
        "cache": kept["adaptation"] + kept["features"] + whole - firsts + once,
    }
    shrunk = {name: round(steps[before] / steps[name], 3) for before, name in itertools.pairwise(steps)}
    return shrunk | {"all": round(steps["naive"] / steps["cache"], 3)}


if __name__ == "__main__":
    main()
