"""TypiClust and ProbCover against scikit-activeml, and the memory they take, as JSON.

    python benchmarks/typical.py [--pool 20000] [--width 512] [--picks 500]

Both sides get the same unit vectors (blobs around `--blobs` centres) with 100 utterances labelled. Each
strategy of each side is a process of its own, for the sake of its peak of memory. A ProbCover of the peer
that would take longer than `--patience` seconds is measured on fewer picks, one and some more: the cost of
each pick is the same, so that its time is extrapolated (`extrapolated_from`). A peer that is killed for its
memory is measured on half the pool (`extrapolated_from_pool`), times four.

What is compared beside time:

* TypiClust: the mean typicality of the picks among all utterances (the inverse of the mean distance to the 20
  nearest), and how many blobs were met. scikit-activeml's is run as it is by default (k-means with as many
  clusters as there are picks and labels) and with the mini-batch k-means of the authors' code;
* ProbCover: the share of the pool that picks and labelled cover, at one radius on both sides. The peer does
  not choose it on that run, ours is timed with and without its choice.

`all_pairs_mb` is what one byte for each pair of utterances would be.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
from _peers import peer, versions
from numpy.typing import NDArray

from after_ray.acquisition import LabelledEvidence, PoolEvidence, strategy_of

LABELLED = 100
NEIGHBOURS = 20
Picks = NDArray[np.int64]


def main() -> None:
    options = parse()
    peer("skactiveml.pool")
    delta = in_child("ours", "probcover", options, 0.0)["delta"]
    typiclust = {
        side: in_child(side, "typiclust", options, delta)
        for side in ("ours", "scikit-activeml", "scikit-activeml, mini-batch")
    }
    probcover = {
        "ours": in_child("ours", "probcover", options, delta),
        "ours, with its choice of the radius": in_child("ours", "probcover", options, 0.0),
        "scikit-activeml": in_child("scikit-activeml", "probcover", options, delta),
    }
    result = {
        **vars(options),
        "peers": versions("scikit-activeml"),
        "all_pairs_mb": round(options.pool**2 / 1e6, 1),
        "typiclust": {**typiclust, "fastest_peer_over_ours": over(typiclust)},
        "probcover": {**probcover, "fastest_peer_over_ours": over(probcover)},
        "target": {"fastest_peer_over_ours": 5},
    }
    print(json.dumps(result, indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pool", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--picks", type=int, default=500)
    parser.add_argument("--blobs", type=int, default=200)
    parser.add_argument("--patience", type=float, default=300, help="seconds that a peer may take")
    return parser.parse_args()


def over(found: dict[str, Any]) -> float:
    fastest = min(row["seconds"] for side, row in found.items() if not side.startswith("ours"))
    return round(fastest / found["ours"]["seconds"], 1)


def in_child(side: str, name: str, options: argparse.Namespace, delta: float) -> dict[str, Any]:
    """What `measured` says; of a side that is killed for its memory, on half the pool, until it fits."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(measured, side, name, options, delta).result()
        except BrokenProcessPool:
            halved = argparse.Namespace(**{**vars(options), "pool": options.pool // 2})
    if side == "ours" or halved.pool < options.picks:
        raise SystemExit(f"{name} of {side} was killed with a pool of {options.pool}; give it more memory")
    row = in_child(side, name, halved, delta)
    # All pairs are looked at, so that time and memory grow with the square of the pool.
    return row | {
        "extrapolated_from_pool": row.get("extrapolated_from_pool", halved.pool),
        "seconds": round(4 * row["seconds"], 3),
        "grown_mb": round(4 * row["grown_mb"], 1),
    }


class Data:
    """Unit vectors, labelled first, and the blob that each is of."""

    def __init__(self, options: argparse.Namespace) -> None:
        generator = np.random.default_rng(0)
        count = LABELLED + options.pool
        self.blobs = generator.integers(options.blobs, size=count)
        centres = generator.normal(size=(options.blobs, options.width))
        spread = generator.uniform(0.3, 1.2, size=options.blobs)[self.blobs, None]
        values = centres[self.blobs] + spread * generator.normal(size=(count, options.width))
        values /= np.linalg.norm(values, axis=1, keepdims=True)
        self.vectors = values.astype(np.float32)
        self.labels = self.blobs[:LABELLED] % 4


def measured(side: str, name: str, options: argparse.Namespace, delta: float) -> dict[str, Any]:
    """Seconds, growth of the peak of memory and the worth of what was picked, of one side."""
    data = Data(options)
    if side != "ours":
        peer("skactiveml.pool")
    select(side, name, slice_of(data, 300), 5, delta)  # what is imported late is imported now
    Path("/proc/self/clear_refs").write_text("5")  # the peak of memory counts from here
    before = resident("VmRSS")
    row: dict[str, Any] = {}
    seconds, picks, details = timed(side, name, data, tried(side, name, options.picks), delta)
    if len(picks) < options.picks:
        one, _, _ = timed(side, name, data, 1, delta)
        each = max(0.0, seconds - one) / (len(picks) - 1)
        whole = one + each * (options.picks - 1)
        if whole <= options.patience:
            seconds, picks, details = timed(side, name, data, options.picks, delta)
        else:
            row["extrapolated_from"], seconds = len(picks), whole
    grown = resident("VmHWM") - before
    row |= {"seconds": round(seconds, 3), "grown_mb": round(grown / 1e6, 1), "picks": len(picks)}
    worth = typical(data, picks) if name == "typiclust" else covered(data, picks, delta or details["delta"])
    return {**row, **details, **worth}


def tried(side: str, name: str, picks: int) -> int:
    """How many picks are tried first: all of them where their number decides about more than their time."""
    return picks if side == "ours" or name == "typiclust" else min(picks, 10)


def slice_of(data: Data, size: int) -> Data:
    part = object.__new__(Data)
    part.vectors, part.blobs, part.labels = data.vectors[:size], data.blobs[:size], data.labels
    return part


def timed(side: str, name: str, data: Data, picks: int, delta: float) -> tuple[float, Picks, dict[str, Any]]:
    started = time.perf_counter()
    found, details = select(side, name, data, picks, delta)
    return time.perf_counter() - started, found, details


def select(side: str, name: str, data: Data, picks: int, delta: float) -> tuple[Picks, dict[str, Any]]:
    """Positions in the pool and what is to be told of them."""
    if side != "ours":
        return skactiveml(side, name, data, picks, delta), {}
    radius = f", delta={delta!r}" if name == "probcover" and delta else ""
    vectors = data.vectors
    evidence = PoolEvidence(
        len(vectors) - LABELLED,
        embeddings=vectors[LABELLED:],
        labelled=LabelledEvidence(data.labels, vectors[:LABELLED]),
    )
    picked = strategy_of(f"{name}(features=embeddings{radius})").select(
        evidence, picks, np.random.default_rng(0)
    )
    told = ("clusters", "delta", "covered")
    return picked.positions, {key: picked.details[key] for key in told if key in picked.details}


def skactiveml(side: str, name: str, data: Data, picks: int, delta: float) -> Picks:
    from sklearn.cluster import MiniBatchKMeans

    pool = peer("skactiveml.pool")
    known = np.full(len(data.vectors), np.nan)
    known[:LABELLED] = data.labels
    vectors = data.vectors.astype(np.float64)
    if name == "probcover":
        strategy = pool.ProbCover(deltas=[delta], n_classes=4, random_state=0)
    elif "mini-batch" in side:
        batches = {"batch_size": 5000, "n_init": 3}
        strategy = pool.TypiClust(
            cluster_algo=MiniBatchKMeans, cluster_algo_dict=batches, k=NEIGHBOURS, random_state=0
        )
    else:
        strategy = pool.TypiClust(k=NEIGHBOURS, random_state=0)
    return np.asarray(strategy.query(vectors, known, batch_size=picks)) - LABELLED


def typical(data: Data, picks: Picks) -> dict[str, Any]:
    """How typical picks are among all utterances, and how many blobs they and the labelled are of."""
    picked = data.vectors[LABELLED + picks]
    squares = 2.0 - 2.0 * picked @ data.vectors.T
    near = np.sqrt(np.maximum(np.partition(squares, NEIGHBOURS, axis=1)[:, : NEIGHBOURS + 1], 0.0))
    met = np.union1d(data.blobs[:LABELLED], data.blobs[LABELLED + picks])
    mean = np.sort(near, axis=1)[:, 1:].mean(axis=1)
    return {"mean_typicality": round(float((1 / mean).mean()), 4), "blobs_met": len(met)}


def covered(data: Data, picks: Picks, delta: float) -> dict[str, float]:
    """The share of the pool within `delta` of a pick or of a labelled utterance."""
    balls = np.concatenate([data.vectors[:LABELLED], data.vectors[LABELLED + picks]])
    squares = 2.0 - 2.0 * data.vectors[LABELLED:] @ balls.T
    return {"covered": round(float((squares <= delta**2 + 2e-6).any(axis=1).mean()), 4)}


def resident(name: str) -> int:
    """Bytes of `VmRSS` (now) or `VmHWM` (at the peak) of this process."""
    status = Path("/proc/self/status").read_text()
    return next(1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith(name))


if __name__ == "__main__":
    main()
