"""How long BatchBALD takes to pick a batch, against three libraries, at what accuracy and memory, as JSON.

    python benchmarks/batchbald.py [--pool 20000] [--draws 20] [--classes 4] [--picks 100] [--samples 10000]

All sides get the same log-probabilities and pick one batch from the whole pool, with strings of labels drawn
once all of them are more than `samples`; ours also runs as it does by default (parts of ten, candidates by
BALD, and masks of its own for each part). Every side has a process to itself, `peak_mb` being what it grew by
beyond its evidence. Ours goes on past saturation, so that every pick of the batch is a search.

A peer is measured on its exact phase and `--past` picks beyond it; `seconds` of the whole batch are then
those and as many more as picks are left, each as long as the mean of the `past` ones (`extrapolated`). Peers
that keep all strings of all utterances in memory get `--part` of the pool; time is taken to grow with it.

`information` is the mutual information of the first picks by `--reference` strings, the same for both sides:
what the picks are worth. `error` is how far a side's own estimate of that is off, in nats; the target is 0.01
for ours, at 20 times the speed of batchbald_redux.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _peers import peer, versions
from numpy.typing import NDArray

from after_ray.acquisition import HeadDraws, PoolEvidence, strategy_of
from after_ray.acquisition._joint_entropy import strings_of
from after_ray.acquisition._lazy_greedy import lazy_greedy

WIDTH = 64
SHARE = 0.1
MEGABYTE = 1_000_000
Found = dict[str, Any]
Side = Callable[[argparse.Namespace, HeadDraws, NDArray[np.float64]], Found]


def main() -> None:
    options = parse()
    if options.side:
        print(json.dumps(SIDES[options.side](options, *evidence(options))))
        return
    for module in ("batchbald_redux", "baal.active", "skactiveml.pool"):
        peer(module)
    found = {side: in_a_process(side) for side in SIDES}
    log_probabilities = evidence(options)[1]
    for side, one in found.items():
        judge(one, log_probabilities[: options.part] if side in IN_PART else log_probabilities, options)
    ours = found["ours"]["seconds"]
    ratios = {side: round(one["seconds"] / ours, 1) for side, one in found.items() if side in PEERS}
    given = {name: value for name, value in vars(options).items() if name != "side"}
    print(
        json.dumps(
            {
                **given,
                "peers": versions("batchbald-redux", "baal", "scikit-activeml"),
                "sides": found,
                "peer_over_ours": ratios,
                "target": {"batchbald_redux_over_ours": 20, "error": 0.01},
            },
            indent=2,
        )
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pool", type=int, default=20_000)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--picks", type=int, default=100)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--past", type=int, default=10, help="picks of a peer past its exact phase")
    parser.add_argument("--part", type=int, default=1_000, help="pool of peers that keep all in memory")
    parser.add_argument("--reference", type=int, default=200_000)
    parser.add_argument("--scale", type=float, default=0.05, help="of the head's weights")
    parser.add_argument("--side", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def evidence(options: argparse.Namespace) -> tuple[HeadDraws, NDArray[np.float64]]:
    """A head on embeddings of unequal length, hence utterances of unequal certainty, and its draws."""
    generator = np.random.default_rng(0)
    lengths = generator.gamma(1.0, 1.0, size=(options.pool, 1))
    embeddings = generator.normal(size=(options.pool, WIDTH)) * lengths
    weight = options.scale * generator.normal(size=(options.classes, WIDTH))
    head = HeadDraws(
        embeddings.astype(np.float32),
        weight.astype(np.float32),
        np.zeros(options.classes, np.float32),
        SHARE,
    )
    return head, head.log_probabilities(head.masks(options.draws, generator))


def in_a_process(side: str) -> Found:
    """The result of one side, which runs alone."""
    command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    result: Found = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def measured(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What `work` returns, its seconds, and the megabytes by which it made this process grow at most."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what it is now
    before, started = resident("VmHWM"), time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    return result, seconds, round((resident("VmHWM") - before) / MEGABYTE, 1)


def resident(what: str) -> int:
    """Bytes of this process in memory, as Linux tells them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


def judge(found: Found, log_probabilities: NDArray[np.float64], options: argparse.Namespace) -> None:
    """Add what the picks are worth, and how far the side's own estimates are off."""
    estimates = found.pop("estimates")
    picks = found.pop("positions")
    counts = [count for count in (exact_picks(options) + options.past, options.picks) if count <= len(picks)]
    for count in counts:
        picked = log_probabilities[picks[:count]]
        true = strings_of(picked, options.reference, np.random.default_rng(1)).information
        found.setdefault("information", {})[count] = round(true, 4)
        if estimates is not None:
            found.setdefault("error", {})[count] = round(abs(estimates[count - 1] - true), 4)


def exact_picks(options: argparse.Namespace) -> int:
    """Picks that are made with all strings of those before them."""
    return 1 + math.floor(math.log(options.samples) / math.log(options.classes) + 1e-9)


def ours(options: argparse.Namespace, head: HeadDraws, log_probabilities: NDArray[np.float64]) -> Found:
    generator = np.random.default_rng(0)
    batch, seconds, peak = measured(
        lambda: lazy_greedy(log_probabilities, options.picks, options.samples, generator, least=-1.0)
    )
    return {
        "seconds": round(seconds, 2),
        "peak_mb": peak,
        "looked_at": batch.evaluations,
        "positions": batch.positions.tolist(),
        "estimates": batch.gains.cumsum().tolist(),
    }


def by_default(options: argparse.Namespace, head: HeadDraws, log_probabilities: NDArray[np.float64]) -> Found:
    strategy = strategy_of(f"batchbald(draws={options.draws}, samples={options.samples})")
    pool = PoolEvidence(options.pool, draws=head)
    picked, seconds, peak = measured(lambda: strategy.select(pool, options.picks, np.random.default_rng(0)))
    return {
        "seconds": round(seconds, 2),
        "peak_mb": peak,
        "positions": picked.positions.tolist(),
        "estimates": None,  # of other draws in every part
    }


def extrapolated(options: argparse.Namespace, pick: Callable[[int], tuple[Any, Any]], part: int) -> Found:
    """Time `pick` on the exact phase and on `past` picks more, and reckon the whole batch."""
    exact = exact_picks(options)
    wanted = min(options.picks, exact + options.past)
    pick(min(exact, wanted))  # warms up
    _, exact_seconds, _ = measured(lambda: pick(min(exact, wanted)))
    (positions, estimates), seconds, peak = measured(lambda: pick(wanted))
    each = (seconds - exact_seconds) / max(1, wanted - exact)
    whole = (seconds + each * (options.picks - wanted)) * options.pool / part
    return {
        "seconds": round(whole, 2),
        "extrapolated": {
            "from_picks": wanted,
            "from_pool": part,
            "measured_seconds": round(seconds, 2),
            "seconds_per_pick": round(each * options.pool / part, 3),
        },
        "peak_mb": peak,
        "positions": positions,
        "estimates": estimates,
    }


def redux(options: argparse.Namespace, head: HeadDraws, log_probabilities: NDArray[np.float64]) -> Found:
    import torch

    module = peer("batchbald_redux.batchbald")
    tensor = torch.from_numpy(log_probabilities)
    torch.manual_seed(0)

    def pick(count: int) -> tuple[list[int], Any]:
        batch = module.get_batchbald_batch(tensor, count, options.samples, dtype=torch.double)
        return batch.indices, batch.scores

    return extrapolated(options, pick, options.pool)


def baal(options: argparse.Namespace, head: HeadDraws, log_probabilities: NDArray[np.float64]) -> Found:
    import torch

    module = peer("baal.active.heuristics.heuristics")
    part = min(options.part, options.pool)
    probabilities = np.exp(log_probabilities[:part]).swapaxes(1, 2).copy()
    torch.manual_seed(0)

    def pick(count: int) -> tuple[list[int], Any]:
        # It picks one by BALD, and then as many more as it is asked for.
        heuristic = module.BatchBALD(count - 1, num_draw=options.samples // options.draws)
        scores = heuristic.compute_score(probabilities)
        positions = np.argsort(-scores, kind="stable")[:count]  # the order of picking is not told
        return positions.tolist(), None

    return extrapolated(options, pick, part)


def skactiveml(options: argparse.Namespace, head: HeadDraws, log_probabilities: NDArray[np.float64]) -> Found:
    module = peer("skactiveml.pool")
    part = min(options.part, options.pool)
    probabilities = np.exp(log_probabilities[:part]).swapaxes(0, 1).copy()

    def pick(count: int) -> tuple[list[int], Any]:
        utilities = module.batch_bald(probabilities.copy(), count, options.samples, random_state=0)
        positions = np.nanargmax(utilities, axis=1)
        return positions.tolist(), utilities[np.arange(count), positions].tolist()

    return extrapolated(options, pick, part)


PEERS = ("batchbald_redux", "baal", "scikit-activeml")
IN_PART = ("baal", "scikit-activeml")
SIDES: dict[str, Side] = {
    "ours": ours,
    "ours_by_default": by_default,
    "batchbald_redux": redux,
    "baal": baal,
    "scikit-activeml": skactiveml,
}


if __name__ == "__main__":
    main()
