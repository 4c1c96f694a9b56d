"""How much of a growing cluster a launch keeps busy, on fake nodes whose trials only sleep, as JSON.

    python benchmarks/scaling.py [--nodes 1 2 4 8] [--trials 5] [--scale 1]

Nodes are Ray's own (`ray.cluster_utils`), each with one core and all on this machine; a launch of ours hands
out its trials. A trial sleeps as long as a trajectory of `engine.study.yaml` took, drawn from
`durations.json` and multiplied by `--scale`; there are `--trials` of them per node, so that the work grows
with the cluster.

The clock runs from the first of these trials' begin to the last one's end. Before it there is a first wave,
one trial per node, which ends when all of them have begun: it starts the processes of trials, which on this
machine share its few cores (`start_up` seconds, from the call of the launch on).
`efficiency` is work / (nodes x makespan). `ideal` is the same of a schedule of the same durations, longest
first, that takes no time itself: the rest is lost between trials. Target: 0.9 at the largest cluster.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from _sleeping import SLEEP, Sleep

from after_ray.store import Record, Store
from sweeps.launching.budget import Budget, Limits
from sweeps.launching.forecast import Forecast
from sweeps.launching.launch import launch_jobs
from sweeps.launching.ray_start import LOCAL_RAY_DEFAULTS, RAY_DEFAULTS, Where, running_ray
from sweeps.planning.jobs import Job
from sweeps.scheduling.schedule import Capacity, Task, simulate

TARGET = 0.9
DURATIONS = Path(__file__).with_name("durations.json")
SEED = 20


def main() -> None:
    options = parse()
    os.environ.update(LOCAL_RAY_DEFAULTS | RAY_DEFAULTS)
    here = Path(__file__).parent
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(here), str(here.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    busy = os.getloadavg()[0]
    with contextlib.redirect_stdout(sys.stderr):
        runs = [run(nodes, options.trials, options.scale) for nodes in options.nodes]
    largest = max(runs, key=lambda one: one["nodes"])
    result = {
        "runs": runs,
        "efficiency": largest["efficiency"],
        "ideal": largest["ideal"],
        "target": TARGET,
        "reached": largest["efficiency"] >= TARGET,
        "load_before": round(busy, 2),
        "cores": os.cpu_count(),
    }
    print(json.dumps(result, indent=1))


def run(nodes: int, per_node: int, scale: float) -> dict[str, Any]:
    """One cluster, one launch, its accounts."""
    seconds = durations(nodes * per_node, scale)
    wave = [Job(SLEEP, Sleep(f"wave {number}", 0.0, together=nodes)) for number in range(nodes)]
    trials = [Job(SLEEP, Sleep(f"trial {number}", one)) for number, one in enumerate(seconds)]
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        try:
            for _ in range(nodes):
                cluster.add_node(num_cpus=1)
            called = time.time()
            launched(wave, trials, store, cluster.address)
        finally:
            cluster.shutdown()
        waves = [store.need(job.key) for job in wave]
        return accounts([store.need(job.key) for job in trials], waves, seconds, nodes, called)


def launched(wave: Sequence[Job], trials: Sequence[Job], store: Store, address: str) -> None:
    """Run the wave, then the trials longest first, as a launch does that knows how long they take."""
    chains = {job.key: job.stage.seconds for job in trials if isinstance(job.stage, Sleep)}
    chains |= dict.fromkeys((job.key for job in wave), sum(chains.values()))
    where = Where(address=address)
    # Nothing is compared of the code of a trial that only sleeps.
    with running_ray(where), patch("sweeps.launching.launch.source_of", lambda stage: ""):
        outcome = launch_jobs(
            {job.key: job for job in (*wave, *trials)},
            store,
            where,
            Budget(Limits()),
            forecaster=lambda missing: Forecast(chains=chains),
        )
    assert not outcome.failed, outcome.failed


def accounts(
    trials: Sequence[Record], waves: Sequence[Record], seconds: Sequence[float], nodes: int, called: float
) -> dict[str, Any]:
    """What the records of a launch say."""
    makespan = max(one.finished for one in trials) - min(one.started for one in trials)
    tasks = [Task(str(number), one) for number, one in enumerate(seconds)]
    perfect = simulate(tasks, Capacity(nodes)).makespan
    work = sum(seconds)
    return {
        "nodes": nodes,
        "trials": len(trials),
        "on_nodes": len({one.details["node"] for one in trials}),
        "work_seconds": round(work, 2),
        "makespan": round(makespan, 2),
        "ideal_makespan": round(perfect, 2),
        "efficiency": round(work / (nodes * makespan), 4),
        "ideal": round(work / (nodes * perfect), 4),
        "between_trials": round(_between(trials), 3),
        "start_up": round(max(one.finished for one in waves) - called, 1),
    }


def _between(trials: Sequence[Record]) -> float:
    """Mean seconds from a trial's end to the begin of the next one on its node."""
    gaps = []
    for node in {one.details["node"] for one in trials}:
        there = sorted((one.started, one.finished) for one in trials if one.details["node"] == node)
        gaps += [after[0] - before[1] for before, after in itertools.pairwise(there)]
    return float(np.mean(gaps)) if gaps else 0.0


def durations(count: int, scale: float) -> list[float]:
    """Seconds of trajectories: of each point of the schedule one that was recorded."""
    recorded: dict[str, list[float]] = json.loads(DURATIONS.read_text())
    generator = np.random.default_rng(SEED)
    points = [values for name, values in sorted(recorded.items()) if name.startswith("round ")]
    sums = [sum(float(generator.choice(values)) for values in points) for _ in range(count)]
    return [round(scale * one, 3) for one in sums]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--trials", type=int, default=5, help="per node")
    parser.add_argument("--scale", type=float, default=1.0, help="of the recorded seconds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
