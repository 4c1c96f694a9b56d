"""How the utterances of one optimiser step, or of a pool, go through a network: in passes of like length."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray


def length_passes(lengths: ArrayLike, *, max_frames: int, pass_cost: int) -> list[NDArray[np.int64]]:
    """Cut items into passes at the least cost: padded frames, and `pass_cost` for each pass.

    Items are sorted by length, and the sorted list is cut into runs by dynamic programming, so no other way
    of packing items of neighbouring length costs less. A greedy packing fills every pass to its cap, which
    leaves a fifth of it to padding when there are only the 64 items of an optimiser step.

    Args:
        lengths: length of every item in frames, at least 1, shape (items,).
        max_frames: most padded frames of a pass: its longest item times its number of items. An item that
            is longer than this is a pass of its own.
        pass_cost: what a pass costs beside its frames, in frames: the time in which a device is not busy.

    Returns:
        Arrays of positions in `lengths`, the pass with the longest item first, so that a cap that is too
        high fails at once. Every item is in exactly one.
    """
    if max_frames < 1 or pass_cost < 0:
        raise ValueError(f"max_frames must be at least 1 and pass_cost 0, not {max_frames} and {pass_cost}")
    sizes = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    cuts = _cheapest_cuts(sizes[order], max_frames, pass_cost)
    return [order[first:end] for first, end in pairwise(cuts)]


def _cheapest_cuts(falling: NDArray[np.int64], max_frames: int, pass_cost: int) -> list[int]:
    """Where to cut lengths that fall: from 0 to their number, both included.

    Shortest path: `cost[end]` is that of the first `end` items, `first[end]` where their last pass begins.
    """
    count = len(falling)
    cost = np.full(count + 1, np.iinfo(np.int64).max)
    cost[0] = 0
    first = np.zeros(count + 1, dtype=np.int64)
    for start, longest in enumerate(falling.tolist()):
        most = min(max(1, max_frames // max(1, longest)), count - start)
        through = cost[start] + pass_cost + longest * np.arange(1, most + 1)
        ends = slice(start + 1, start + 1 + most)
        better = through < cost[ends]
        cost[ends][better] = through[better]
        first[ends][better] = start
    cuts = [count]
    while cuts[-1] > 0:
        cuts.append(int(first[cuts[-1]]))
    return cuts[::-1]
