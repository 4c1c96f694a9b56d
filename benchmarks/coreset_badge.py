"""Core-set and BADGE against two libraries, and the memory they take on a large pool, as JSON.

    python benchmarks/coreset_badge.py [--pool 20000] [--width 512] [--picks 2000] [--large 1000000]

Both sides get the same embeddings (correlated normal values, float32) and probabilities in memory, with 100
utterances labelled. A peer that would take longer than `--patience` seconds is measured on fewer picks and
its time is extrapolated, by picks where its cost per pick is constant and as a sum where it grows; those
figures carry `extrapolated_from`. What is compared beside time:

* core-set: `same_picks`, the share of picks that are the peer's, one by one, as far as it was run, and the
  covering radius of both (the first centres are the labelled, so that nothing is left to chance);
* BADGE: the mean squared distance of gradient embeddings to the nearest pick, mean and deviation over seeds,
  on the first `--small-picks` picks, also for the authors' algorithm on gradients in full (`in full`): draws
  differ, their distribution may not. The peers' does: scikit-activeml counts the origin as a centre, and
  small-text leaves one part of the gradient out and draws greedily.

The large pool is a process of its own for each strategy: the growth of its resident memory at the peak, as a
share of the embeddings; below 1 means below twice the embeddings with them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from _peers import peer, versions
from numpy.typing import NDArray

from after_ray.acquisition import LabelledEvidence, PoolEvidence, strategy_of

CLASSES = 4
LABELLED = 100
Picks = NDArray[np.int64]


def main() -> None:
    options = parse()
    for module in ("skactiveml.pool", "small_text.query_strategies.coresets"):
        peer(module)  # before anything is timed
    data = Data(options.pool, options.width)
    result = {
        **vars(options),
        "peers": versions("scikit-activeml", "small-text"),
        "coreset": coreset(data, options),
        "badge": badge(data, options),
        "memory": {
            name: in_child(memory, name, options.large, options.width, options.large_picks)
            for name in ("coreset", "badge")
        },
        "target": {"fastest_peer_over_ours": 5, "grown_over_embeddings": 1},
    }
    print(json.dumps(result, indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pool", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--picks", type=int, default=2_000)
    parser.add_argument("--small-picks", type=int, default=100, help="of the comparison of BADGE's draws")
    parser.add_argument("--seeds", type=int, default=10, help="of the comparison of BADGE's draws")
    parser.add_argument("--patience", type=float, default=300, help="seconds that a peer may take")
    parser.add_argument("--large", type=int, default=1_000_000, help="the pool whose memory is measured")
    parser.add_argument("--large-picks", type=int, default=500)
    return parser.parse_args()


class Data:
    """Embeddings of labelled and pool, with class probabilities of the pool."""

    def __init__(self, pool: int, width: int) -> None:
        generator = np.random.default_rng(0)
        count, factors = LABELLED + pool, max(1, width // 16)
        mixing = generator.normal(size=(factors, width)).astype(np.float32)
        self.everything = np.empty((count, width), dtype=np.float32)
        for begin in range(0, count, 10_000):  # a large pool is made without a copy of it
            rows = self.everything[begin : begin + 10_000]
            generator.standard_normal(dtype=np.float32, out=rows)
            rows *= 0.5
            rows += generator.standard_normal((len(rows), factors), dtype=np.float32) @ mixing
        self.labels = generator.integers(CLASSES, size=LABELLED)
        self.probabilities = generator.dirichlet(np.full(CLASSES, 0.5), size=pool)

    @property
    def evidence(self) -> PoolEvidence:
        """Ours."""
        return PoolEvidence(
            size=len(self.probabilities),
            log_probabilities=np.log(self.probabilities),
            embeddings=self.everything[LABELLED:],
            labelled=LabelledEvidence(self.labels, self.everything[:LABELLED]),
        )

    @property
    def known(self) -> NDArray[np.float64]:
        """Labels as scikit-activeml takes them, not a number where there is none."""
        return np.concatenate([self.labels, np.full(len(self.probabilities), np.nan)])


def ours(name: str, data: Data, picks: int, seed: int = 0) -> Picks:
    return strategy_of(name).select(data.evidence, picks, np.random.default_rng(seed)).positions


def timed(work: Callable[[int], Picks], picks: int) -> tuple[float, Picks]:
    started = time.perf_counter()
    found = work(picks)
    return time.perf_counter() - started, np.asarray(found)


def within(
    patience: float, work: Callable[[int], Picks], picks: int, first: int, growing: int | None = None
) -> tuple[dict[str, Any], Picks]:
    """Seconds of `picks` picks, or of as many as fit, extrapolated.

    `growing`: how many centres there are before the first pick, for work that compares with all of them anew.
    """
    tried = min(first, picks)
    seconds, found = timed(work, tried)
    whole = seconds * work_of(picks, growing) / work_of(tried, growing)
    if tried == picks:
        return {"seconds": round(seconds, 4)}, found
    if whole <= patience:
        seconds, found = timed(work, picks)
        return {"seconds": round(seconds, 4)}, found
    return {"seconds": round(whole, 1), "extrapolated_from": tried}, found


def work_of(picks: int, growing: int | None) -> float:
    return picks if growing is None else growing * picks + picks * (picks - 1) / 2


def coreset(data: Data, options: argparse.Namespace) -> dict[str, Any]:
    """Time, picks and radius of ours and both peers."""
    ours("coreset", data, 2)
    seconds, picks = timed(lambda count: ours("coreset", data, count), options.picks)
    double = data.everything.astype(np.float64)
    sides: dict[str, tuple[Callable[[int], Picks], int, int | None]] = {
        "scikit-activeml": (
            lambda count: (
                np.asarray(
                    peer("skactiveml.pool")
                    .CoreSet(random_state=0)
                    .query(double, data.known, batch_size=count)
                )
                - LABELLED
            ),
            20,
            None,
        ),
        "small-text": (lambda count: small_text(data, count), 3, LABELLED),
    }
    found: dict[str, Any] = {"ours": {"seconds": round(seconds, 4), "radius": radius(double, picks)}}
    for name, (work, first, growing) in sides.items():
        row, theirs = within(options.patience, work, options.picks, first, growing)
        compared = {
            "picks_compared": len(theirs),
            "same_picks": round(float((picks[: len(theirs)] == theirs).mean()), 4),
            "radius": radius(double, theirs),
            "radius_of_ours": radius(double, picks[: len(theirs)]),
        }
        found[name] = {**row, **compared}
    return {**found, "fastest_peer_over_ours": over(found)}


def small_text(data: Data, count: int) -> Picks:
    everything = np.arange(len(data.everything))
    coresets = peer("small_text.query_strategies.coresets")
    # It takes picks for positions among all, not in the pool: with the pool in front they are the same.
    turned = np.roll(data.everything, -LABELLED, axis=0)
    size = len(everything) - LABELLED
    picks: Picks = coresets.greedy_coreset(
        turned, everything[:size], everything[size:], count, distance_metric="euclidean"
    )
    return picks


def over(found: dict[str, Any]) -> float:
    fastest = min(row["seconds"] for name, row in found.items() if name != "ours")
    return round(fastest / found["ours"]["seconds"], 1)


def radius(everything: NDArray[np.float64], picks: Picks) -> float:
    """Largest distance of an utterance of the pool to its nearest centre."""
    centres = np.concatenate([everything[:LABELLED], everything[LABELLED + picks]])
    return round(float(np.sqrt(nearest(everything[LABELLED:], centres).max())), 6)


def nearest(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances to the nearest centre."""
    found = np.full(len(points), np.inf)
    lengths = np.einsum("nd,nd->n", points, points)
    for begin in range(0, len(centres), 100):
        chunk = centres[begin : begin + 100]
        squares = lengths[:, None] + np.einsum("md,md->m", chunk, chunk) - 2 * points @ chunk.T
        found = np.minimum(found, squares.min(axis=1))
    return np.maximum(found, 0.0)


def badge(data: Data, options: argparse.Namespace) -> dict[str, Any]:
    """Time of ours and the peers, and what their draws leave."""
    pool = data.everything[LABELLED:]
    errors = data.probabilities - np.eye(CLASSES)[data.probabilities.argmax(axis=1)]
    gradients = (errors[:, :, None] * pool[:, None, :]).reshape(len(pool), -1)
    sides: dict[str, Callable[[int, int], Picks]] = {
        "ours": lambda count, seed: ours("badge", data, count, seed),
        "scikit-activeml": lambda count, seed: skactiveml_badge(data, count, seed),
        "small-text": lambda count, _: small_text_badge(data, count),
        "in full": lambda count, seed: in_full(gradients, count, seed),
    }
    ours("badge", data, 2)
    found: dict[str, Any] = {}
    for name, work in sides.items():
        first = options.picks if name == "ours" else 20
        found[name], _ = within(options.patience, lambda count, do=work: do(count, 0), options.picks, first)  # type: ignore[misc]
        left = [
            float(nearest(gradients, gradients[work(options.small_picks, seed)]).mean())
            for seed in range(options.seeds)
        ]
        found[name]["mean_squared_distance"] = round(float(np.mean(left)), 5)
        found[name]["deviation_over_seeds"] = round(float(np.std(left, ddof=1)), 5)
    return {**found, "fastest_peer_over_ours": over(found)}


def in_full(gradients: NDArray[np.float64], count: int, seed: int) -> Picks:
    """The authors' algorithm, step by step."""
    generator = np.random.default_rng(seed)
    lengths = np.einsum("nd,nd->n", gradients, gradients)
    picks = [int(lengths.argmax())]
    left = np.full(len(gradients), np.inf)
    while len(picks) < count:
        squares = lengths + lengths[picks[-1]] - 2 * gradients @ gradients[picks[-1]]
        left = np.maximum(np.minimum(left, squares), 0.0)
        left[picks] = 0.0
        picks.append(int(generator.choice(len(left), p=left / left.sum())))
    return np.array(picks)


def skactiveml_badge(data: Data, count: int, seed: int) -> Picks:
    class Known(peer("skactiveml.base").SkactivemlClassifier):  # type: ignore[misc]
        """A classifier that knows its probabilities."""

        def fit(self, features: object, labels: object) -> Known:
            return self

        def predict_proba(self, features: object) -> NDArray[np.float64]:
            return data.probabilities

    strategy = peer("skactiveml.pool").Badge(random_state=seed)
    everything = data.everything.astype(np.float64)
    picked = strategy.query(everything, data.known, clf=Known(), fit_clf=False, batch_size=count)
    return np.asarray(picked) - LABELLED


def small_text_badge(data: Data, count: int) -> Picks:
    """Its gradients are p x h, without the one-hot part."""
    strategy = peer("small_text.integrations.pytorch.query_strategies").BADGE(CLASSES)
    rows = np.arange(len(data.probabilities))
    pool = data.everything[LABELLED:]
    return np.asarray(
        strategy.sample(None, None, rows, None, None, count, pool, embeddings_proba=data.probabilities.copy())
    )


def in_child(work: Callable[..., Any], *arguments: Any) -> Any:
    """`work` in a new process, so that its peak of memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def memory(name: str, pool: int, width: int, picks: int) -> dict[str, Any]:
    """Growth of the peak of resident memory by one selection, after a small one that warms up."""
    ours(name, Data(100, width), 5)
    data = Data(pool, width)
    size, evidence = data.everything.nbytes, data.evidence
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = resident("VmRSS")
    started = time.perf_counter()
    strategy_of(name).select(evidence, picks, np.random.default_rng(0))
    seconds = time.perf_counter() - started
    grown = resident("VmHWM") - before
    return {
        "embeddings_mb": round(size / 1e6, 1),
        "grown_mb": round(grown / 1e6, 1),
        "grown_over_embeddings": round(grown / size, 3),
        "picks": picks,
        "seconds": round(seconds, 1),
    }


def resident(name: str) -> int:
    """Bytes of `VmRSS` (now) or `VmHWM` (at the peak) of this process."""
    status = Path("/proc/self/status").read_text()
    return next(1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith(name))


if __name__ == "__main__":
    main()
