"""The order in which a launch hands out jobs, on a simulated cluster of 64 GPUs, as JSON.

    python benchmarks/schedule.py [--gpus 64] [--draws 20]
    python benchmarks/schedule.py --record STORE     # write durations.json from a store's records

4,200 cells: 6 strategies x 2 initializations x 7 ratios x 5 folds x 10 seeds, each (fold, seed) with an
adaptation of its own. How long stages take is drawn from `durations.json`, recorded from a run of
`engine.study.yaml` (an adaptation takes about as long as a trajectory). `ReadyFirst`, which
hands out trials in a launch, runs against a made-up clock: a job ends when its seconds are over, then what is
free asks for the next one.

`makespan` is compared with what no order could stay below (`sweeps.scheduling.bounds`): the longest chain,
all work at the full width of the cluster, and whole waves of jobs. Target: the median draw within 5 % of
the largest of them, and each simulated within 30 s.
"""

from __future__ import annotations

import argparse
import heapq
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from after_ray.environment import Execution
from after_ray.store import Store
from sweeps.launching.ready import ReadyFirst
from sweeps.planning.jobs import Job, jobs_of
from sweeps.planning.opening import open_study
from sweeps.planning.plan import Plan
from sweeps.scheduling.schedule import Capacity, chains, simulate, tasks_of

DURATIONS = Path(__file__).with_name("durations.json")
STUDY = Path(__file__).with_name("engine.study.yaml")
TARGET, TARGET_SECONDS = 0.05, 30.0
# Six strategies, of which two are others under a second name: only their number matters here.
STRATEGIES = (
    "[random, entropy, least_confidence, margin, 'after_ray.acquisition.entropy:Entropy', "
    "'after_ray.acquisition.margin:Margin']"
)
OVERRIDES = (
    f"strategy={STRATEGIES}",
    "initialization=[random, clustering]",
    "fold=0..4",
    "seed=0..9",
    "adaptation.repeat=per_seed",
    "resources={cpu: 1, gpu: 1}",
    "ratios=[10, 20, 30, 40, 60, 80, 100]",
)


def main() -> None:
    options = parse()
    if options.record is not None:
        record(Store(options.record))
        return
    with tempfile.TemporaryDirectory() as folder:
        plan = open_study(STUDY, Path(folder), OVERRIDES).plan
    jobs = jobs_of([plan], set())
    draws = [draw(plan, jobs, options.gpus, seed) for seed in range(options.draws)]
    over = [one["over_bound"] for one in draws]
    slowest = max(one["seconds"] for one in draws)
    result = {
        "cells": len(plan.cells),
        "jobs": len(jobs),
        "gpus": options.gpus,
        "draws": len(draws),
        "over_bound": round(statistics.median(over), 4),
        "over_bound_worst": round(max(over), 4),
        "target": TARGET,
        "seconds": slowest,
        "reached": statistics.median(over) <= TARGET and slowest <= TARGET_SECONDS,
        "first_draw": draws[0],
    }
    print(json.dumps(result, indent=1))


def draw(plan: Plan, jobs: Mapping[str, Job], gpus: int, seed: int) -> dict[str, Any]:
    """One set of durations, scheduled by the searcher and compared with its bounds."""
    began = time.perf_counter()
    tasks = tasks_of(jobs, drawn(plan, np.random.default_rng(seed)))
    seconds = {task.key: task.seconds for task in tasks}
    makespan = by_searcher(jobs, seconds, chains(tasks), gpus)
    took = time.perf_counter() - began
    simulated = simulate(tasks, Capacity(cpus=gpus, gpus=gpus))
    return {
        "makespan": round(makespan, 2),
        "bounds": {name: round(value, 2) for name, value in simulated.bounds.items()},
        "over_bound": makespan / simulated.bound - 1,
        "estimated_makespan": round(simulated.makespan, 2),
        "in_order_of_kinds": round(by_searcher(jobs, seconds, {}, gpus), 2),
        "seconds": round(took, 3),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gpus", type=int, default=64)
    parser.add_argument("--draws", type=int, default=20, help="sets of durations; the median is reported")
    parser.add_argument("--record", type=Path, help="store to record durations from")
    return parser.parse_args()


def drawn(plan: Plan, generator: np.random.Generator) -> dict[str, float]:
    """Seconds of every stage, drawn from what was recorded for its kind and percent."""
    recorded: dict[str, list[float]] = json.loads(DURATIONS.read_text())
    seconds = {}
    for key, stage in plan.shared.items():
        if stage.kind in recorded:
            seconds[key] = float(generator.choice(recorded[stage.kind]))
    for trajectory in plan.trajectories:
        for percent, stage in zip(trajectory.percents, trajectory.stages, strict=True):
            if stage.key not in seconds:
                seconds[stage.key] = float(generator.choice(recorded[f"round {percent:g}"]))
    return seconds


def by_searcher(
    jobs: Mapping[str, Job], seconds: Mapping[str, float], longest: Mapping[str, float], slots: int
) -> float:
    """When everything is done, with the searcher of a launch asked whenever a slot is free."""
    searcher = ReadyFirst(jobs, lambda job: Execution("", ""), priorities=longest)
    ends: list[tuple[float, str]] = []
    now, number = 0.0, 0
    while True:
        while len(ends) < slots and isinstance(config := searcher.suggest(str(number)), dict):
            heapq.heappush(ends, (now + seconds[config["stage"].key], str(number)))
            number += 1
        if not ends:
            return now
        now, trial = heapq.heappop(ends)
        searcher.on_trial_complete(trial, {"done": True, "rounds": 1_000})


def record(store: Store) -> None:
    """Write durations.json: seconds of each kind of stage, and of rounds by labelled percent of train."""
    found: dict[str, list[float]] = defaultdict(list)
    for key in sorted(store.ledger.finished()):
        one = store.need(key)
        if one.kind == "round":
            share = 100 * float(one.measures["labelled"] or 0) / float(one.measures["train"] or 1)
            found[f"round {nearest(share):g}"].append(round(one.seconds["total"], 3))
        elif one.kind in {"adaptation", "features"}:
            found[one.kind].append(round(one.seconds["total"], 3))
    lines = ",\n".join(f' "{name}": {json.dumps(values)}' for name, values in sorted(found.items()))
    DURATIONS.write_text(f"{{\n{lines}\n}}\n")


def nearest(share: float) -> float:
    """The point of the schedule that a labelled share belongs to; round 0 has its least size."""
    schedule = (5, 10, 20, 30, 40, 60, 80, 100)
    return min(schedule, key=lambda percent: abs(percent - share))


if __name__ == "__main__":
    main()
