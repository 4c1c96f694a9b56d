"""What a round may still acquire: so many utterances, or so many seconds of audio."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition import Picked

SLACK = 1e-6  # seconds: sums of durations are rounded
Choose = Callable[[int], Picked]


@dataclass(frozen=True)
class Budget:
    """A budget of one round.

    Attributes:
        utterances: how many; with `seconds` about how many.
        seconds: of audio; None where utterances are counted.
        durations: seconds of every utterance of the pool, shape (n,); None where utterances are counted.
    """

    utterances: int
    seconds: float | None = None
    durations: NDArray[np.float64] | None = None

    def spend(self, choose: Choose) -> Picked:
        """What `choose` picks within the budget; it is asked for a number of utterances, first choice first.

        By seconds, picks are taken in their order until one does not fit any more, and at least one is taken,
        so that every round labels something. Which number that will be shows only afterwards: `choose` is
        asked again for more until the seconds are spent, and must draw alike every time.
        """
        if self.seconds is None or self.durations is None:
            return choose(self.utterances)
        wanted, pool = self._guess(), len(self.durations)
        while True:
            picked = choose(wanted)
            spent = np.cumsum(self.durations[picked.positions])
            fitting = int(np.searchsorted(spent, self.seconds + SLACK, side="right"))
            if fitting < wanted or wanted == pool:
                return _first(picked, max(1, fitting))
            short = self.seconds / float(spent[-1])
            wanted = min(pool, max(wanted + 1, math.ceil(1.1 * short * wanted)))

    def _guess(self) -> int:
        """As many utterances of mean length as the seconds hold, and one more, which does not fit."""
        assert self.seconds is not None
        assert self.durations is not None
        pool = len(self.durations)
        return max(1, min(pool, int(self.seconds / float(self.durations.mean())) + 1))


def _first(picked: Picked, count: int) -> Picked:
    """The first picks alone; what is known of the pool stays, and details are of all that were picked."""
    scores = None if picked.scores is None else picked.scores[:count]
    details = {"asked_for": len(picked.positions), **picked.details} if picked.details else {}
    return replace(picked, positions=picked.positions[:count], scores=scores, details=details)
