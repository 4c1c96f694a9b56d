"""BADGE: pick gradients that are large and unlike each other."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition._base import Picked, Strategy, strategies
from after_ray.acquisition._evidence import EvidenceKind, PoolEvidence
from after_ray.acquisition._farthest import blocks
from after_ray.acquisition._vectors import check_finite

MOST_WAITING = 64  # picks that one pass over the pool serves
MOST_REFUSED = 16  # draws that are refused before such a pass is made earlier
EQUAL = 4e-6  # squared distances below this share of the squared norms are rounding


@strategies.register("badge")
class Badge(Strategy):
    """k-means++ seeding over gradient embeddings (Ash et al. 2020, Algorithm 1).

    The gradient of the loss of the most probable class with respect to the head is g = (p - e) x h, the outer
    product of the class probabilities, less one at the most probable, and the embedding. It is never
    made: |g| = |a| |h| and g g' = (a a') (h h') with a = p - e. The first pick has the largest norm, as
    in the authors' code; every later one is drawn with a probability in proportion to the squared distance to
    the nearest pick (D^2 sampling, Arthur & Vassilvitskii 2007). Where no distance is left, the rest is drawn
    uniformly.

    Scores are distances to the nearest pick at the time of picking, for the first its norm.
    """

    @property
    def needs(self) -> Set[EvidenceKind]:
        """Class probabilities and embeddings."""
        return frozenset({EvidenceKind.PROBABILITIES, EvidenceKind.EMBEDDINGS})

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        embeddings = evidence.given(EvidenceKind.EMBEDDINGS)
        check_finite("embeddings", embeddings)
        gradients = Gradients(
            errors_of(evidence.given(EvidenceKind.PROBABILITIES).astype(np.float64)), embeddings
        )
        return Picked(*seeding(gradients, budget, generator))


class Gradients:
    """n gradient embeddings in factors: `errors` a, shape (n, classes), and `embeddings` h, shape (n, d)."""

    def __init__(self, errors: NDArray[np.float64], embeddings: NDArray[Any]) -> None:
        self.errors, self.embeddings = errors, embeddings
        lengths = np.empty(len(errors))
        for rows in blocks(len(errors)):
            block = embeddings[rows].astype(np.float64)
            lengths[rows] = np.einsum("nd,nd->n", block, block)
        self.norms = np.einsum("nc,nc->n", errors, errors) * lengths
        """Squared, shape (n,)."""

    def between(self, one: int, others: list[int]) -> NDArray[np.float64]:
        """Squared distances of one to m others, shape (m,)."""
        embedding = self.embeddings[one].astype(np.float64)
        inner = (self.errors[others] @ self.errors[one]) * (
            self.embeddings[others].astype(np.float64) @ embedding
        )
        return self._squares(inner, self.norms[one] + self.norms[others])

    def nearest(self, others: list[int], rows: slice) -> NDArray[np.float64]:
        """Squared distances of some rows to the nearest of m others."""
        block = self.embeddings[rows].astype(np.float32, copy=False)
        inner = block @ self.embeddings[others].astype(np.float32).T
        inner *= (self.errors[rows] @ self.errors[others].T).astype(np.float32)
        sums = self.norms[rows, None] + self.norms[others]
        nearest: NDArray[np.float64] = self._squares(inner, sums).min(axis=1)
        return nearest

    @staticmethod
    def _squares(inner: NDArray[Any], sums: NDArray[np.float64]) -> NDArray[np.float64]:
        squares = sums - 2.0 * inner
        squares[squares <= EQUAL * sums] = 0.0
        return squares


def errors_of(log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Class probabilities less one at the most probable class, shape (n, classes)."""
    errors = np.exp(log_probabilities)
    errors[np.arange(len(errors)), errors.argmax(axis=1)] -= 1.0
    return errors


def seeding(
    gradients: Gradients, budget: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Positions of `budget` gradients and their distances to the nearest before them.

    Squared distances only fall as picks are added. So candidates are drawn by what the distances were, and
    kept with probability (distance now) / (distance then), which is a draw by the distances of now; they are
    computed for the whole pool once per `MOST_WAITING` picks, in products of matrices.
    """
    largest = int(gradients.norms.argmax())
    found = [(largest, float(gradients.norms[largest]))][:budget]
    then = np.full(len(gradients.norms), np.inf)  # squared distances to all picks but the latest
    latest = [position for position, _ in found]
    while len(found) < budget:
        for rows in blocks(len(then)):
            np.minimum(then[rows], gradients.nearest(latest, rows), out=then[rows])
        picked = [position for position, _ in found]
        then[picked] = 0.0
        missing = budget - len(found)
        if not then.any():
            left = np.setdiff1d(np.arange(len(then)), picked)
            drawn = [(int(one), 0.0) for one in generator.choice(left, size=missing, replace=False)]
        else:
            drawn = _draw(gradients, then, min(MOST_WAITING, len(found), missing), generator)
        found.extend(drawn)
        latest = [position for position, _ in drawn]
    positions, squares = zip(*found, strict=True) if found else ((), ())
    return np.array(positions, dtype=np.int64), np.sqrt(np.array(squares, dtype=np.float64))


def _draw(
    gradients: Gradients, then: NDArray[np.float64], most: int, generator: np.random.Generator
) -> list[tuple[int, float]]:
    """Up to `most` further picks and their squared distances, at least one."""
    sums = np.cumsum(then)
    below = np.nextafter(sums[-1], 0.0)
    drawn: dict[int, float] = {}
    refused = 0
    while len(drawn) < most and (refused < MOST_REFUSED or not drawn):
        one = int(np.searchsorted(sums, min(generator.random() * sums[-1], below), side="right"))
        now = min(then[one], gradients.between(one, list(drawn)).min(initial=np.inf))
        if one not in drawn and generator.random() * then[one] < now:
            drawn[one] = float(now)
        else:
            refused += 1
    return list(drawn.items())
