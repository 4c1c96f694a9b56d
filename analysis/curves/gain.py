"""What the last labels brought: the gain in UA from one round to the next, per label, with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 4000
Answers = NDArray[np.int64]


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


def gain_between(
    truth: Answers, before: Answers, after: Answers, labels: int, generator: np.random.Generator
) -> Gain:
    """The gain in UA and its paired bootstrap interval.

    Utterances are drawn anew within each class of the truth, as UA is the mean of the classes' recalls; the
    two rounds are always judged by the same draw. With few utterances per class the interval is wide, which
    is what it is for.

    Args:
        truth: class of every utterance, shape (n,).
        before, after: what each round says, shape (n,).
        labels: how many were added between the two, 1 or more.
        generator: draws the utterances.
    """
    better = (after == truth).astype(np.float64) - (before == truth)
    of_class = [better[truth == label] for label in np.unique(truth)]
    points = float(np.mean([each.mean() for each in of_class]))
    drawn = [generator.choice(each, size=(DRAWS, len(each))).mean(axis=1) for each in of_class]
    low, high = np.quantile(np.mean(drawn, axis=0), [0.025, 0.975])
    return Gain(100 * points, 100 * float(low), 100 * float(high), labels)
