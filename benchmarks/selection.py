"""How long the scored strategies take to pick from a large pool, as JSON on standard output.

    python benchmarks/selection.py [--pool 1000000] [--classes 4] [--budget 50000] [--repeats 7]

Milliseconds are the best and the median of the repeats, on one thread, evidence already in memory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np

from after_ray.acquisition import PoolEvidence, Strategy, Uncertainty, strategies


def main() -> None:
    options = parse()
    generator = np.random.default_rng(0)
    logits = generator.normal(scale=2.0, size=(options.pool, options.classes))
    evidence = PoolEvidence(options.pool, logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))
    scored = [name for name in strategies.names() if issubclass(strategies.resolve(name), Uncertainty)]
    milliseconds = {
        name: measure(strategies.resolve(name)(), evidence, options.budget, options.repeats)
        for name in scored
    }
    print(json.dumps({**vars(options), "numpy": np.__version__, "milliseconds": milliseconds}, indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pool", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--budget", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=7)
    return parser.parse_args()


def measure(strategy: Strategy, evidence: PoolEvidence, budget: int, repeats: int) -> dict[str, float]:
    """Best and median time of `repeats` selections, after one that warms up."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        strategy.select(evidence, budget, np.random.default_rng(0))
        times.append(1000 * (time.perf_counter() - started))
    return {"best": round(min(times[1:]), 1), "median": round(statistics.median(times[1:]), 1)}


if __name__ == "__main__":
    main()
