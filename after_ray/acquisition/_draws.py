"""Class probabilities under dropout of a classifier's head: one pass, any number of draws."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class HeadDraws:
    """What dropout leaves of the vectors that a linear head sees (Gal & Ghahramani 2016).

    Mask j is one mask over the width of the head, the same for every utterance: draws are then functions of
    one network, and joint entropies of several utterances mean something (Kirsch et al. 2019, section 3).

    Attributes:
        embeddings: what the head sees without dropout, shape (n, d).
        weight: of the head, shape (classes, d).
        bias: of the head, shape (classes,).
        share: of the columns that a mask drops, above 0 and below 1.
    """

    embeddings: NDArray[np.float32]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    share: float

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.bias)

    def take(self, positions: NDArray[np.int64]) -> HeadDraws:
        """The draws of some of the utterances."""
        return replace(self, embeddings=self.embeddings[positions])

    def masks(self, draws: int, generator: np.random.Generator) -> NDArray[np.float64]:
        """Masks of shape (draws, d): 0 where a column is dropped, else 1 / (1 - share)."""
        kept = generator.random((draws, self.embeddings.shape[1])) >= self.share
        return kept / (1.0 - self.share)

    def log_probabilities(self, masks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Natural log-probabilities of shape (n, draws, classes) under `masks` of shape (draws, d)."""
        # One matrix product for all draws: the masks go to the head's weights, not to the utterances.
        heads = (masks[:, None, :] * self.weight).reshape(-1, self.weight.shape[1])
        logits = self.embeddings.astype(np.float64) @ heads.T
        logits = logits.reshape(len(self.embeddings), len(masks), self.classes) + self.bias
        logits -= logits.max(axis=2, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=2, keepdims=True))
        return logits
