"""The worked example of uncertainty sampling that all scored strategies are tested on."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def six_utterances() -> NDArray[np.float64]:
    """Log-probabilities of shape (6, 4); one row has probabilities of exactly 0."""
    probabilities = np.array(
        [
            [0.25, 0.25, 0.25, 0.25],
            [0.97, 0.01, 0.01, 0.01],
            [0.50, 0.50, 0.00, 0.00],
            [0.45, 0.40, 0.10, 0.05],
            [0.40, 0.20, 0.20, 0.20],
            [0.60, 0.30, 0.05, 0.05],
        ]
    )
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


@pytest.fixture
def from_logits() -> NDArray[np.float64]:
    """Log-softmax of the logits [2, 1, 0, -1] and of the saturated [1000, 0, -1000, 0], shape (2, 4)."""
    logits = np.array([[2.0, 1.0, 0.0, -1.0], [1000.0, 0.0, -1000.0, 0.0]])
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
