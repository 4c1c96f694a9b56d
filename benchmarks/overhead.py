"""What a trajectory costs beside its own work: start, records, reports to the driver, mirror; as JSON.

    python benchmarks/overhead.py [--seeds 10] [--cpus 2] [--set key=value ...]

A study of acoustic functionals runs through `sweeps.running`, which launches and mirrors it to SQLite. Its
rounds take milliseconds, so that nearly all of the wall-clock is overhead: `per_trajectory` is the time that
the trial slots were there (wall-clock x slots, once all is prepared and Ray has started, to the end
of the mirror) less the seconds that the records of all trials account for, over the number of trajectories.
`start_up` is what the first trial waited for: the workers' processes, and torch in them; it is in
`per_trajectory` too. `launch_only` is the same without the mirror's tail. Target: 1.2 s, which is 2 % of a
trajectory of one minute.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from after_ray.environment import Execution, describe
from sweeps._console import Meter
from sweeps.launching.launch import launch
from sweeps.launching.ray_start import Where, running_ray
from sweeps.planning.jobs import Job, jobs_of
from sweeps.planning.opening import open_study
from sweeps.running.following import Followed, FollowingStudies
from sweeps.running.studies import prepare
from sweeps.tracking import MirrorThread, default_tracking_uri
from sweeps.tracking.mirroring import mirrored_study

TARGET = 1.2
STUDY = """\
study: overhead
corpus: {name: synthetic, speakers: 10, sentences: 4}
classifier: functionals
strategy: [random, entropy, least_confidence, margin]
schedule: [5, 10, 20, 30, 40, 60, 80, 100]
fold: [0, 1]
"""


class Clocked(FollowingStudies):
    """Also notes when the first trial reported."""

    first: float | None = None

    def on_trial(self, job: Job, result: Mapping[str, Any]) -> None:
        self.first = self.first or time.perf_counter()
        super().on_trial(job, result)


def main() -> None:
    options = parse()
    busy = os.getloadavg()[0]
    where = Where(cpus=options.cpus)
    printed = sys.stdout
    with (
        contextlib.redirect_stdout(sys.stderr),  # what a study says while it runs
        tempfile.TemporaryDirectory() as temporary,
        running_ray(where),
    ):
        path = Path(temporary) / "overhead.yaml"
        path.write_text(STUDY)
        overrides = [f"seed=0..{options.seeds - 1}", *options.set]
        opened = open_study(path, Path(temporary) / "store", overrides)
        prepare(opened)
        before = opened.store.ledger.finished()
        trials = len(jobs_of([opened.plan], before))

        began = time.perf_counter()
        mirror = MirrorThread(default_tracking_uri(opened.store), opened.store, mirrored_study(opened))
        following = Clocked([Followed(opened, mirror)], Meter("cells", len(opened.plan.cells), None))
        outcome = launch([opened.plan], opened.store, where, following)
        launched = time.perf_counter()
        mirrored = mirror.close(timeout=600)
        ended = time.perf_counter()

        assert not outcome.failed, outcome.failed
        assert not mirrored.pending, mirrored.error
        ledger = opened.store.ledger
        work = sum(opened.store.need(key).seconds["total"] for key in ledger.finished() - before)
        count = len(opened.plan.trajectories)
        result = {
            "trajectories": count,
            "trials": trials,
            "seconds": round(ended - began, 2),
            "work_seconds": round(work, 2),
            "per_trajectory": round(((ended - began) * options.cpus - work) / count, 3),
            "launch_only": round(((launched - began) * options.cpus - work) / count, 3),
            "start_up": round((following.first or ended) - began, 2),
            "target": TARGET,
            "load_before": round(busy, 2),
            "environment": describe(Execution(str(opened.store.root), "")),
        }
        result["reached"] = result["per_trajectory"] <= TARGET
        print(json.dumps(result, indent=1), file=printed)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--cpus", type=int, default=2, help="trials at once")
    parser.add_argument("--set", action="append", default=[], help="override of the study, key=value")
    return parser.parse_args()


if __name__ == "__main__":
    main()
