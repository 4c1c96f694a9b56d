"""Least confidence: pick what the classifier's best guess is least sure of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition._base import Uncertainty, strategies


@strategies.register("least_confidence")
class LeastConfidence(Uncertainty):
    """Lowest probability of the most probable class first (Settles 2009, section 3.1; Lewis & Gale 1994).

    LC(x) = 1 - max_c p(c|x): from 0 (certain) to 1 - 1/C (uniform).

    Example:
        >>> import numpy as np
        >>> LeastConfidence().score(np.log([[0.45, 0.4, 0.1, 0.05], [0.4, 0.2, 0.2, 0.2]])).round(6).tolist()
        [0.55, 0.6]
    """

    def score(self, log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """One minus the highest probability, shape (n,), from log-probabilities of shape (n, classes)."""
        # One contiguous row per class: numpy then takes the maximum eight values at a time.
        best = np.maximum.reduce(np.ascontiguousarray(log_probabilities.T))
        return -np.expm1(best)  # 1 - exp(best) would round all very certain utterances to a tie
