"""How long it takes to choose clusters by the elbow, against plain fits one after another, as JSON.

    python benchmarks/elbow.py [--points 20000] [--width 512] [--threads 2] [--starts 10]
        [--kinds blobs correlated noise]

`blobs`: six of them, well apart, as the summaries of `memory.py`; `correlated`: normal values with 20
directions that matter, without clusters, on which k-means takes hundreds of steps; `noise`: no structure at
all. Ours is `ClusterSearch.solve` (k = 2 to 10, `--starts` starts each) on `--threads` threads,
standardisation and distances to the centroids included. `plain` is scikit-learn's `KMeans` for one k after
another with its default algorithm and as many threads. `same_bits`: whether both have the same centroids and
inertias, to the last bit, when plain has one thread; that is run once more unless `--no-bits`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from after_ray.clusters import ClusterSearch, distances_to, standardise
from after_ray.seeds import SeedTree

KS = range(2, 11)
SEEDS = SeedTree(0)


def main() -> None:
    options = parse()
    kinds = {kind: compared(made_up(kind, options), options) for kind in options.kinds}
    result = {
        **vars(options),
        "sklearn": sklearn.__version__,
        "seconds": kinds,
        "target": {"ours": 10},
        "load_after": os.getloadavg()[0],
    }
    print(json.dumps(result, indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", default=["blobs", "correlated", "noise"])
    parser.add_argument("--starts", type=int, default=10, help="of k-means, `n_init` of the initialization")
    parser.add_argument("--no-bits", action="store_true", help="leave out the comparison of bits")
    return parser.parse_args()


def made_up(kind: str, options: argparse.Namespace) -> NDArray[np.float64]:
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(options.points, options.width))
    if kind == "blobs":
        centres = generator.normal(size=(6, options.width))
        return centres[np.arange(options.points) % 6] + 0.3 * noise
    if kind == "correlated":
        factors = min(20, options.width)
        mixing = generator.normal(size=(factors, options.width))
        return generator.normal(size=(options.points, factors)) @ mixing + 0.5 * noise
    return noise


def compared(features: NDArray[np.float64], options: argparse.Namespace) -> dict[str, Any]:
    with threadpool_limits(options.threads):
        started = time.perf_counter()
        points = standardise(features)
        found = ClusterSearch(KS[0], KS[-1], options.starts).solve(points, len(points), SEEDS)
        distances_to(points, found.clusters.centroids)
        ours = time.perf_counter() - started
        started = time.perf_counter()
        plain(points, options.starts)
        theirs = time.perf_counter() - started
    row: dict[str, Any] = {"ours": round(ours, 2), "plain": round(theirs, 2)}
    row |= {"plain_over_ours": round(theirs / ours, 2), "clusters": len(found.clusters.sizes)}
    if not options.no_bits:
        with threadpool_limits(1):
            fits = plain(points, options.starts)
        row["same_bits"] = [fit.inertia_ for fit in fits.values()] == found.inertias and np.array_equal(
            fits[len(found.clusters.sizes)].cluster_centers_, found.clusters.centroids
        )
    return row


def plain(points: NDArray[np.float64], starts: int) -> dict[int, Any]:
    return {
        k: KMeans(k, n_init=starts, random_state=SEEDS.child("k_means", k).small_integer()).fit(points)
        for k in KS
    }


if __name__ == "__main__":
    main()
