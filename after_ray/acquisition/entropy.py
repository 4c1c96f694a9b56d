"""Entropy: pick what the classifier's whole distribution is most unsure about."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition._base import Uncertainty, strategies


@strategies.register("entropy")
class Entropy(Uncertainty):
    """Highest Shannon entropy first (AFTER, Eq. 4; Settles 2009, section 3.1).

    H(x) = -sum_c p(c|x) log p(c|x), in nats, with 0 log 0 = 0: from 0 (certain) to log C (uniform).

    Example:
        >>> import numpy as np
        >>> Entropy().score(np.log([[0.25, 0.25, 0.25, 0.25], [0.97, 0.01, 0.01, 0.01]])).round(6).tolist()
        [1.386294, 0.167701]
    """

    def score(self, log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Entropy of shape (n,), nats, from log-probabilities of shape (n, classes)."""
        # A probability of 0 has the logarithm -inf, and 0 times the lowest finite number is 0 where
        # 0 times -inf is not a number.
        finite = np.maximum(log_probabilities, np.finfo(np.float64).min)
        return 0.0 - np.einsum("nc,nc->n", np.exp(log_probabilities), finite)
