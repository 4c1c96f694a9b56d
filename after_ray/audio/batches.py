"""Batches of utterances of like length, capped in what they cost: padded frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

JITTER = 0.05  # relative: how unlike in length two neighbours of a shuffled order may be


def length_batches(
    lengths: ArrayLike,
    *,
    max_frames: int,
    max_items: int,
    generator: np.random.Generator | None = None,
) -> list[NDArray[np.int64]]:
    """Cut items into batches so that each item is in exactly one.

    Args:
        lengths: length of every item, in frames (or samples), shape (items,).
        max_frames: most padded frames of a batch: its longest item times its number of items. An item
            that is longer than this is a batch of its own.
        max_items: most items of a batch.
        generator: shuffles items among those of similar length and the order of the batches; without one,
            the longest batch comes first, so that a cap that is too high fails at once.

    Returns:
        Arrays of positions in `lengths`.
    """
    if max_frames < 1 or max_items < 1:
        raise ValueError(f"max_frames and max_items must be at least 1, not {max_frames} and {max_items}")
    sizes = np.asarray(lengths, dtype=np.int64)
    sorting = -sizes.astype(np.float64)
    if generator is not None:
        sorting *= 1 + generator.uniform(-JITTER, JITTER, len(sizes))
    order = np.argsort(sorting, kind="stable")
    batches = list(_pack(order, sizes, max_frames, max_items))
    if generator is not None:
        batches = [batches[index] for index in generator.permutation(len(batches))]
    return batches


def padding_share(batches: Sequence[NDArray[np.int64]], lengths: ArrayLike) -> float:
    """Share of padded frames that are padding and not audio, between 0 and 1."""
    sizes = np.asarray(lengths, dtype=np.int64)
    padded = sum(int(sizes[batch].max()) * len(batch) for batch in batches)
    real = sum(int(sizes[batch].sum()) for batch in batches)
    return 1 - real / padded if padded else 0.0


def _pack(
    order: NDArray[np.int64], sizes: NDArray[np.int64], max_frames: int, max_items: int
) -> Iterator[NDArray[np.int64]]:
    """Fill one batch after the other along `order`."""
    batch: list[int] = []
    longest = 0
    for item in order.tolist():
        length = int(sizes[item])
        full = len(batch) == max_items or max(longest, length) * (len(batch) + 1) > max_frames
        if batch and full:
            yield np.array(batch, dtype=np.int64)
            batch, longest = [], 0
        batch.append(item)
        longest = max(longest, length)
    if batch:
        yield np.array(batch, dtype=np.int64)
