"""The run-time proof that nothing leaks: data of a fold that refuses to be read by a step that may not.

Everything is closed until a step says which parts of the fold it may read, and closed again after it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from after_ray.errors import Tripped
from after_ray.ragged import Ragged
from after_ray.splits.parts import Fold

Part = Literal["train", "validation", "test"]


class Tripwire(Ragged):
    """A ragged array of a corpus whose rows can be read only while their part of the fold is open.

    Lengths, the inner shape and the type stay readable: they say how much there is, not what. What was read
    while it was open is an ordinary array; a tripwire is for mistakes, not against theft.

    Args:
        guarded: one row per utterance of the corpus.
        fold: who is train, validation and test.
        utterances: the id of every row, for the sentence of a refusal.

    Example:
        >>> fold = Fold(0, train=np.array([0]), validation=np.array([1]), test=np.array([2]))
        >>> wire = Tripwire(Ragged(np.array([5, 6, 7]), np.arange(4)), fold, ["a", "b", "c"])
        >>> with wire.lifted("train", during="training"):
        ...     wire[0].tolist()
        [5]
    """

    def __init__(self, guarded: Ragged, fold: Fold, utterances: Sequence[str] | NDArray[Any]) -> None:
        super().__init__(guarded.values, guarded.offsets)
        self._fold = fold
        self._utterances = utterances
        self._open: tuple[Part, ...] = ()
        self._during = ""
        self._closed = self._closed_rows()

    def __getitem__(self, row: int) -> NDArray[Any]:
        row = operator.index(row)  # a slice or an array of rows is a TypeError, before anything is read
        if self._closed[row]:
            self._refuse(row)
        return super().__getitem__(row)

    @property
    def values(self) -> NDArray[Any]:
        """All rows at once, which no step may read that may not read every one of them.

        Raises:
            Tripped: naming the first closed row.
        """
        if 1 in self._closed:
            self._refuse(self._closed.index(1))
        return super().values

    @contextmanager
    def lifted(self, *parts: Part, during: str) -> Iterator[None]:
        """Open just these parts of the fold for the block; what was open before is closed in it.

        Args:
            parts: what may be read.
            during: what the step does, as a noun; for the sentence of a refusal.
        """
        before = self._open, self._during
        self._set(parts, during)
        try:
            yield
        finally:
            self._set(*before)

    def _set(self, parts: tuple[Part, ...], during: str) -> None:
        self._open, self._during = parts, during
        self._closed = self._closed_rows()

    def _closed_rows(self) -> bytes:
        """One byte per row, 1 where it must not be read; bytes, as they are looked up fastest."""
        closed = np.ones(len(self), dtype=np.uint8)
        for part in self._open:
            closed[getattr(self._fold, part)] = 0
        return closed.tobytes()

    def _refuse(self, row: int) -> None:
        parts: tuple[Part, ...] = ("train", "validation", "test")
        part = next((part for part in parts if row in getattr(self._fold, part)), "unused")
        raise Tripped(self._fold.index, part, row, str(self._utterances[row]), self._during, self._open)
