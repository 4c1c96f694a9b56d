"""How long the scored strategies take to pick from a large pool, against three libraries, as JSON.

    python benchmarks/selection.py [--pool 1000000] [--classes 4] [--budget 50000] [--repeats 7]

Both sides get what they take (logarithms of probabilities here, probabilities there) in memory, score the
whole pool and pick the budget: peers that only score are given numpy's `argpartition` and a sort of what it
finds. Milliseconds are the best and the median of the repeats; `same_picks` is the share of picks that both
sides have, near 1 since ties aside the formula is the same.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from _peers import peer, versions
from numpy.typing import NDArray

from after_ray.acquisition import PoolEvidence, strategy_of

Picks = Callable[[], NDArray[np.int64]]
SKACTIVEML = {"entropy": "entropy", "margin": "margin_sampling", "least_confidence": "least_confident"}
BAAL = {"entropy": "Entropy", "margin": "Margin", "least_confidence": "Certainty"}
SMALL_TEXT = {"entropy": "PredictionEntropy", "margin": "BreakingTies", "least_confidence": "LeastConfidence"}
SLOW = {("entropy", "small-text")}  # a Python call per utterance: once, on a part of the pool
PART = 50_000


def main() -> None:
    options = parse()
    generator = np.random.default_rng(0)
    logits = generator.normal(scale=2.0, size=(options.pool, options.classes))
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    result: dict[str, Any] = {**vars(options), "numpy": np.__version__}
    result["peers"] = versions("scikit-activeml", "baal", "small-text") if loaded() else {}
    result["milliseconds"] = {
        name: compared(name, log_probabilities, options.budget, options.repeats) for name in SKACTIVEML
    }
    print(json.dumps(result, indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pool", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--budget", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=7)
    return parser.parse_args()


def loaded() -> bool:
    """All peers are imported before anything is timed."""
    return all(peer(name) for name in ("skactiveml.pool", "baal.active.heuristics", "small_text"))


def compared(name: str, log_probabilities: NDArray[np.float64], budget: int, repeats: int) -> dict[str, Any]:
    """Ours and every peer's time for one strategy, in turn in every repeat."""
    probabilities = np.exp(log_probabilities)
    evidence, strategy = PoolEvidence(len(probabilities), log_probabilities), strategy_of(name)
    sides: dict[str, Picks] = {
        "ours": lambda: strategy.select(evidence, budget, np.random.default_rng(0)).positions,
        "scikit-activeml": lambda: highest(skactiveml(name, probabilities), budget),
        "baal": lambda: highest(baal(name, probabilities), budget),
        "small-text": lambda: highest(small_text(name, probabilities), budget),
    }
    slow = {side for side in sides if (name, side) in SLOW}
    times, picks = in_turn({side: do for side, do in sides.items() if side not in slow}, repeats)
    found: dict[str, Any] = {
        side: {
            **summary(times[side]),
            "same_picks": round(len(np.intersect1d(picks[side], picks["ours"])) / budget, 4),
        }
        for side in times
    }
    for side in slow:
        part = min(PART, len(probabilities))
        started = time.perf_counter()
        small_text(name, probabilities[:part])
        whole = 1000 * (time.perf_counter() - started) * len(probabilities) / part
        found[side] = {"extrapolated_from": part, "median": round(whole, 1)}
    fastest = min(found[side]["median"] for side in found if side != "ours")
    return {**found, "fastest_peer_over_ours": round(fastest / found["ours"]["median"], 2)}


def in_turn(
    sides: dict[str, Picks], repeats: int
) -> tuple[dict[str, list[float]], dict[str, NDArray[np.int64]]]:
    """Milliseconds of `repeats` selections of each side, after one that warms up, and its last picks."""
    times: dict[str, list[float]] = {side: [] for side in sides}
    picks: dict[str, NDArray[np.int64]] = {}
    for repeat in range(repeats + 1):
        for side, do in sides.items():
            started = time.perf_counter()
            picks[side] = do()
            if repeat:
                times[side].append(1000 * (time.perf_counter() - started))
    return times, picks


def summary(times: list[float]) -> dict[str, float]:
    return {"best": round(min(times), 1), "median": round(statistics.median(times), 1)}


def highest(scores: NDArray[np.float64], budget: int) -> NDArray[np.int64]:
    """What a user of a library that only scores would write."""
    found = np.argpartition(-scores, budget - 1)[:budget]
    return found[np.argsort(-scores[found])]


def skactiveml(name: str, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    scores: NDArray[np.float64] = peer("skactiveml.pool").uncertainty_scores(
        probabilities, method=SKACTIVEML[name]
    )
    return scores


def baal(name: str, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    heuristic = getattr(peer("baal.active.heuristics"), BAAL[name])()
    scores = np.asarray(heuristic.get_uncertainties(probabilities))
    return scores if heuristic.reversed else -scores


class Known:
    """A classifier of small-text that knows its probabilities."""

    def __init__(self, probabilities: NDArray[np.float64]) -> None:
        self._probabilities = probabilities

    def predict_proba(self, dataset: object) -> NDArray[np.float64]:
        return self._probabilities


def small_text(name: str, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    strategy = getattr(peer("small_text"), SMALL_TEXT[name])()
    scores = np.asarray(strategy.get_confidence(Known(probabilities), None, None, None, None))
    return -scores if strategy.lower_is_better else scores


if __name__ == "__main__":
    main()
