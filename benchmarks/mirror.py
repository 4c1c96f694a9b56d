"""Time of mirroring a made-up study to MLflow on SQLite, and of a second mirror that finds all done.

Usage: python benchmarks/mirror.py [--seeds 20] [--folds 5] [--profile]; prints one JSON object.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
import tempfile
import time
from pathlib import Path

from after_ray.store import Store
from sweeps.mirrored import MirroredTrajectory
from sweeps.tracking import Mirror, default_tracking_uri, read_frame
from sweeps.tracking.sample import PERCENTS, sample_study, sample_trajectories


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print what takes the time to stderr")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        trajectories = list(sample_trajectories(store, options.folds, options.seeds))
        with cProfile.Profile() if options.profile else tempfile.TemporaryDirectory() as profile:
            first = seconds_to_mirror(store, trajectories)
        if isinstance(profile, cProfile.Profile):
            pstats.Stats(profile, stream=sys.stderr).sort_stats("cumulative").print_stats(45)
        second = seconds_to_mirror(store, trajectories)
        begin = time.perf_counter()
        cells = len(read_frame(default_tracking_uri(store), "sample"))
        reading = time.perf_counter() - begin
    figures = {
        "trajectories": len(trajectories),
        "rounds": len(PERCENTS),
        "first_seconds": round(first, 2),
        "second_seconds": round(second, 2),
        "frame_seconds": round(reading, 2),
        "frame_cells": cells,
    }
    print(json.dumps(figures))


def seconds_to_mirror(store: Store, trajectories: list[MirroredTrajectory]) -> float:
    """Wall-clock of one whole mirror, start of the database included."""
    begin = time.perf_counter()
    mirror = Mirror(default_tracking_uri(store), store)
    mirror.open_study(sample_study(len(trajectories)))
    for trajectory in trajectories:
        mirror.trajectory(trajectory)
    mirror.close_study()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
