"""Probabilities under draws as a test writes them, and as evidence that a strategy asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition import HeadDraws, PoolEvidence


@dataclass(frozen=True)
class TableDraws(HeadDraws):
    """Draws whose log-probabilities are written down: mask j keeps the columns of draw j."""

    def masks(self, draws: int, generator: np.random.Generator) -> NDArray[np.float64]:
        return np.kron(np.eye(draws), np.ones(self.classes))


def evidence_of(probabilities: NDArray[np.float64]) -> PoolEvidence:
    """Evidence whose draws are `probabilities` above 0, shape (n, draws, classes)."""
    n, draws, classes = probabilities.shape
    table = np.log(probabilities).reshape(n, draws * classes)
    weight = np.tile(np.eye(classes), draws)
    return PoolEvidence(n, draws=TableDraws(table, weight, np.zeros(classes), share=0.5))  # type: ignore[arg-type]


def two_classes(*first: tuple[float, ...]) -> NDArray[np.float64]:
    """From the probability of class 0 under each draw, one row per utterance."""
    one = np.array(first)
    return np.stack([one, 1 - one], axis=2)


# The worked example of two classes and four draws.
A = (0.9, 0.9, 0.1, 0.1)
B = (0.8, 0.2, 0.8, 0.2)
U = (0.5, 0.5, 0.5, 0.5)
D = (0.99, 0.99, 0.99, 0.99)

# The worked example of four classes and three draws: X, all alike, Z, a copy of X.
_X = np.full((3, 4), 0.1) + 0.6 * np.eye(3, 4)
_Z = np.array([[0.6, 0.2, 0.1, 0.1], [0.6, 0.2, 0.1, 0.1], [0.1, 0.2, 0.6, 0.1]])
FOUR_CLASSES = np.stack([_X, np.full((3, 4), 0.25), _Z, _X])


def made_up(n: int, draws: int, classes: int, seed: int = 0, spread: float = 1.0) -> NDArray[np.float64]:
    """Probabilities that the draws disagree about, shape (n, draws, classes)."""
    generator = np.random.default_rng(seed)
    shared = generator.normal(size=(n, 1, classes))
    logits = shared + spread * generator.normal(size=(n, draws, classes))
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=2, keepdims=True)
