"""Seconds that no order of jobs could stay below: what a schedule is judged by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_HEADS = 24  # earliest starts that are looked at

Size = tuple[float, float, tuple[float, float]]  # earliest start, seconds, (cores, GPUs)
Numbers = NDArray[np.float64]


def lower_bounds(
    sizes: Sequence[Size], longest_chain: float, capacity: tuple[float, float]
) -> dict[str, float]:
    """Three bounds on the time until all jobs are done.

    - `chain`: the longest chain of jobs that wait for one another;
    - `work`: jobs that cannot start before some second, then all their work at the full width of the cluster;
    - `waves`: the same, counting whole jobs: of k x slots + 1 jobs some slot runs k + 1, and these take at
      least as long as the k + 1 shortest of them.

    Args:
        sizes: of every job.
        longest_chain: seconds.
        capacity: cores and GPUs.
    """
    bounds = {"chain": longest_chain, "work": 0.0, "waves": 0.0}
    for index, width in enumerate(capacity):
        area = [(head, seconds * takes[index]) for head, seconds, takes in sizes if takes[index]]
        bounds["work"] = max(bounds["work"], _work(area, width))
    by_size: dict[tuple[float, float], list[tuple[float, float]]] = defaultdict(list)
    for head, seconds, takes in sizes:
        by_size[takes].append((head, seconds))
    for takes, alike in by_size.items():
        slots = min(
            (int(there / taken + 1e-9) for there, taken in zip(capacity, takes, strict=True) if taken),
            default=len(alike),
        )
        bounds["waves"] = max(bounds["waves"], _waves(alike, slots))
    return bounds


def _work(area: Sequence[tuple[float, float]], width: float) -> float:
    """The largest, over earliest starts, of the start and the work behind it at full width."""
    if not area or not width:
        return 0.0
    values = np.array(sorted(area), dtype=np.float64)
    behind = np.cumsum(values[::-1, 1])[::-1]
    return float((values[:, 0] + behind / width).max())


def _waves(alike: Sequence[tuple[float, float]], slots: int) -> float:
    values = np.array(alike, dtype=np.float64)
    heads = np.unique(values[:, 0])
    looked_at = heads[np.linspace(0, len(heads) - 1, min(len(heads), MOST_HEADS)).astype(int)]
    return max(float(head) + _counted(values[values[:, 0] >= head, 1], slots) for head in looked_at)


def _counted(seconds: Numbers, slots: int) -> float:
    """The bound by counting whole jobs on so many slots, all of which could start now."""
    falling = -np.sort(-seconds)
    sums = np.concatenate([[0.0], np.cumsum(falling)])
    best = 0.0
    for full in range((len(falling) - 1) // slots + 1):
        last = full * slots + 1  # of so many longest jobs one slot runs full + 1
        best = max(best, float(sums[last] - sums[last - full - 1]))
    return best
