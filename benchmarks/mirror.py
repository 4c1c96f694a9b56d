"""Time of mirroring a made-up study to MLflow on SQLite: at once, again, beside a run, sent again, read back.

Usage: python benchmarks/mirror.py [--seeds 20] [--folds 5] [--tracking-uri URI] [--profile]; prints one JSON
object. Four strategies: 4 table rows, and 4 x folds x seeds trajectories of 8 rounds.

"followed" mirrors trajectories one by one, as they get into a second store, and the rows after every fifth.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from after_ray.store import Store
from sweeps.tracking import Mirror, default_tracking_uri, fill, read_frame
from sweeps.tracking.mirrored import MirroredStudy, MirroredTrajectory
from sweeps.tracking.sample import PERCENTS, sample_rows, sample_study, sample_trajectories

EVERY = 5  # trajectories between two looks at the summaries


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--tracking-uri", help="a server or database without this study; SQLite by default")
    parser.add_argument("--profile", action="store_true", help="print what takes the time to stderr")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        figures = measure(store, options)
    print(json.dumps(figures))


def measure(store: Store, options: argparse.Namespace) -> dict[str, object]:
    uri = options.tracking_uri or default_tracking_uri(store)
    trajectories = list(sample_trajectories(store, options.folds, options.seeds))
    study = sample_study(len(trajectories), sample_rows(trajectories))
    with cProfile.Profile() if options.profile else nullcontext() as profile:
        first = seconds_to_fill(uri, store, study, trajectories)
    if profile is not None:
        pstats.Stats(profile, stream=sys.stderr).sort_stats("cumulative").print_stats(45)
    second = seconds_to_fill(uri, store, study, trajectories)
    rebuild = seconds_to_fill(uri, store, study, trajectories, rebuild=True)
    begin = time.perf_counter()
    cells = len(read_frame(uri, study.name))
    reading = time.perf_counter() - begin
    beside = Store(store.root / "followed")
    uri = options.tracking_uri or default_tracking_uri(beside)
    followed = follow(uri, beside, replace(study, name="followed"), options)
    return {
        "trajectories": len(trajectories),
        "rounds": len(PERCENTS),
        "rows": len(study.rows),
        "first_seconds": round(first, 2),
        "second_seconds": round(second, 2),
        "rebuild_seconds": round(rebuild, 2),
        "frame_seconds": round(reading, 2),
        "frame_cells": cells,
        "followed": followed,
    }


def seconds_to_fill(
    uri: str,
    store: Store,
    study: MirroredStudy,
    trajectories: Sequence[MirroredTrajectory],
    rebuild: bool = False,
) -> float:
    """Wall-clock of one whole mirror, start of the database and summaries included."""
    begin = time.perf_counter()
    fill(uri, store, study, trajectories, rebuild=rebuild)
    return time.perf_counter() - begin


def follow(uri: str, store: Store, study: MirroredStudy, options: argparse.Namespace) -> dict[str, object]:
    """Wall-clock of all trajectories, each mirrored as soon as it is in the store, and of the summaries."""
    mirror = Mirror(uri, store)
    mirror.open_study(study)
    writing = summaries = 0.0
    count = rows = 0
    for trajectory in sample_trajectories(store, options.folds, options.seeds):
        begin = time.perf_counter()
        mirror.trajectory(trajectory)
        writing += time.perf_counter() - begin
        count += 1
        if count % EVERY == 0:
            begin = time.perf_counter()
            rows += mirror.summarize()
            summaries += time.perf_counter() - begin
    mirror.close_study()
    return {
        "seconds": round(writing, 2),
        "milliseconds_each": round(1000 * writing / count, 1),
        "summaries": rows,
        "milliseconds_each_summary": round(1000 * summaries / max(rows, 1), 1),
    }


if __name__ == "__main__":
    main()
