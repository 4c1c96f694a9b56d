"""Many requests at once: one answer of a bucket takes as long as reading a hundred files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

One = TypeVar("One")
Answer = TypeVar("Answer")

WORKERS = 16


def at_once(ask: Callable[[One], Answer], things: Iterable[One]) -> Iterator[Answer]:
    """The answers for all things, in their order."""
    with ThreadPoolExecutor(WORKERS) as pool:
        yield from pool.map(ask, things)
