"""What the last labels brought: the gain in UA from one round to the next, per label, with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NORMAL = 1.959964  # 97.5 % quantile
Classes = NDArray[np.int64]  # of utterances, by index


@dataclass(frozen=True)
class Gain:
    """The gain of a later round over an earlier one on the same utterances.

    Attributes:
        points: of UA, in percent.
        low, high: of the 95 % interval over utterances.
        labels: that were added between the two.
    """

    points: float
    low: float
    high: float
    labels: int

    def per(self, labels: int) -> tuple[float, float, float]:
        """Points, low and high for so many labels."""
        scale = labels / self.labels
        return self.points * scale, self.low * scale, self.high * scale

    @property
    def shown(self) -> bool:
        """Whether it is a gain beyond what chance among the utterances explains."""
        return self.low > 0


def gain_between(truth: Classes, before: Classes, after: Classes, labels: int) -> Gain:
    """The gain in UA and its interval, paired: both rounds are judged by the same utterances.

    UA is the mean of the classes' recalls, so its gain is the mean over classes of what changed in each:
    utterances that became right less those that became wrong. The interval is that of Agresti and Min (2005,
    doi:10.1002/sim.1781) for matched proportions, Wald's after half an utterance is added to each of the four
    cells, class by class. Where nothing changed it is as wide as so few utterances ask for; a bootstrap
    would have none there, and be surest where the clips are fewest.

    Args:
        truth: class of every utterance, shape (n,).
        before, after: what each round says, shape (n,).
        labels: how many were added between the two, 1 or more.
    """
    better = (after == truth).astype(np.int64) - (before == truth)
    classes = [better[truth == label] for label in np.unique(truth)]
    points = float(np.mean([each.mean() for each in classes]))
    centres, variances = zip(*(_adjusted(each) for each in classes), strict=True)
    centre, half = float(np.mean(centres)), NORMAL * float(np.sum(variances)) ** 0.5 / len(classes)
    low, high = min(points, centre - half), max(points, centre + half)
    return Gain(100 * points, 100 * max(low, -1.0), 100 * min(high, 1.0), labels)


def _adjusted(better: NDArray[np.int64]) -> tuple[float, float]:
    """The difference of two matched proportions and its variance, with half an utterance in each cell."""
    count, gained, lost = len(better) + 2, int((better > 0).sum()), int((better < 0).sum())
    difference = (gained - lost) / count
    return difference, ((gained + lost + 1) / count - difference**2) / count
