"""Margin: pick what lies closest between the two most probable classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition._base import Uncertainty, strategies


@strategies.register("margin")
class Margin(Uncertainty):
    """Smallest gap between the two most probable classes first (Settles 2009, section 3.1; Scheffer 2001).

    M(x) = p(first|x) - p(second|x). The score is -M, so that, as everywhere, the highest score is picked
    first: from -1 (certain) to 0 (two classes tie).

    Example:
        >>> import numpy as np
        >>> Margin().score(np.log([[0.45, 0.40, 0.10, 0.05], [0.6, 0.3, 0.05, 0.05]])).round(6).tolist()
        [-0.05, -0.3]
    """

    def score(self, log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """The negative margin, shape (n,), from log-probabilities of shape (n, classes), classes >= 2."""
        # One pass over the classes keeps the two highest so far: no sort of every single row.
        first, *others = np.array(log_probabilities.T, order="C")  # a copy: `first` is written to
        second = np.full(len(first), -np.inf)
        for column in others:
            np.maximum(second, np.minimum(first, column), out=second)
            np.maximum(first, column, out=first)
        return np.exp(second) - np.exp(first)
