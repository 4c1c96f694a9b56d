"""How sure the numbers of one test part are: intervals of metrics and of recalls."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from after_ray.metrics import macro_f1, recalls, unweighted_accuracy, weighted_accuracy
from after_ray.seeds import SeedTree

DRAWS = 10_000
_OUTSIDE = (2.5, 97.5)  # percentiles of a 95 % interval
_Z = 1.959963984540054  # of the normal distribution, for 95 %


class Measured(NamedTuple):
    """A share, and the ends of its 95 % interval; `of` so many utterances."""

    name: str
    value: float
    low: float
    high: float
    of: int


def metrics_of(confusion: NDArray[np.int64]) -> tuple[Measured, ...]:
    """UA, WA and macro-F1 of a confusion matrix (rows are the truth), with percentile bootstrap intervals.

    Utterances are drawn again within every class, so that a draw has as many of each as the test part
    (stratified bootstrap: Efron & Tibshirani 1993, chapter 8).
    """
    of, drawn = int(confusion.sum()), _drawn(confusion)
    hits, columns, rows = drawn.diagonal(axis1=1, axis2=2), drawn.sum(axis=1), confusion.sum(axis=1)
    present = rows > 0
    samples = {
        "UA": (hits[:, present] / rows[present]).mean(axis=1),
        "WA": hits.sum(axis=1) / of,
        "macro-F1": (2 * hits / np.maximum(columns + rows, 1))[:, present].mean(axis=1),
    }
    values = (unweighted_accuracy(confusion), weighted_accuracy(confusion), macro_f1(confusion))
    ends = (np.percentile(sample, _OUTSIDE).tolist() for sample in samples.values())
    found = zip(samples, values, ends, strict=True)
    return tuple(Measured(name, value, low, high, of) for name, value, (low, high) in found)


def recalls_of(confusion: NDArray[np.int64], classes: tuple[str, ...]) -> tuple[Measured, ...]:
    """The recall of every class that was tested, with Wilson's score interval (1927)."""
    found = zip(classes, recalls(confusion).tolist(), confusion.sum(axis=1).tolist(), strict=True)
    return tuple(Measured(name, value, *_wilson(value, of), int(of)) for name, value, of in found if of)


def _drawn(confusion: NDArray[np.int64]) -> NDArray[np.int64]:
    """Confusion matrices of test parts drawn again, shape (draws, classes, classes)."""
    generator = SeedTree(0).child("model card").generator()
    result = np.zeros((DRAWS, *confusion.shape), dtype=np.int64)
    for row, counts in enumerate(confusion):
        if counts.sum():
            result[:, row] = generator.multinomial(counts.sum(), counts / counts.sum(), size=DRAWS)
    return result


def _wilson(share: float, of: int) -> tuple[float, float]:
    middle = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z / (1 + _Z**2 / of) * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return max(0.0, middle - half), min(1.0, middle + half)
