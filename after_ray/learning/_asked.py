"""The evidence that a strategy asks for, from the classifier of the round before and from what needs none."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition import EvidenceKind, LabelledEvidence, PoolEvidence
from after_ray.classifiers import Classifier
from after_ray.errors import UnusableScores
from after_ray.weights import Weights

Rows = NDArray[np.int64]
Float = TypeVar("Float", bound=np.floating[Any])


@dataclass(frozen=True)
class Unlabelled:
    """What is known of the train utterances without any label, one row each, by rising manifest row.

    `summaries`: shape (train, d); `frame_losses`: shape (train, stretches); `recorded`: places in a recorded
    order, shape (train,). None where nobody asked.
    """

    summaries: NDArray[np.float64] | None = None
    frame_losses: NDArray[np.float32] | None = None
    recorded: NDArray[np.int64] | None = None


NOTHING_KNOWN = Unlabelled()


@dataclass(frozen=True)
class Asked:
    """Computes the `needs` of one round; the classifier is made and loaded only where it is asked.

    Attributes:
        needs: kinds of evidence.
        make_classifier: makes an untrained one.
        weights: of the round before.
        train: rows of train, ascending, those that `unlabelled` is about.
        unlabelled: what is known without labels.
    """

    needs: Set[EvidenceKind]
    make_classifier: Callable[[], Classifier]
    weights: Weights
    train: Rows
    unlabelled: Unlabelled

    def evidence(self, pool: Rows, labelled: Rows, labels: NDArray[np.int64]) -> PoolEvidence:
        """The evidence about `pool`, and about the `labelled` rows, ascending, with their revealed `labels`.

        Raises:
            UnusableScores: when a network gives something that is not a number, as one that diverged.
        """
        probabilities = draws = embeddings = None
        if EvidenceKind.PROBABILITIES in self.needs:
            probabilities = _usable(self._classifier.log_probabilities(pool), "log-probabilities")
        if EvidenceKind.DROPOUT_DRAWS in self.needs:
            draws = self._classifier.head_draws(pool)
            _usable(draws.embeddings, "embeddings")
        if EvidenceKind.EMBEDDINGS in self.needs:  # one pass for both
            both = np.concatenate([pool, labelled])
            embeddings = _usable(self._classifier.embeddings(both), "embeddings")
        return PoolEvidence(
            size=len(pool),
            ids=pool,
            log_probabilities=probabilities,
            embeddings=None if embeddings is None else embeddings[: len(pool)],
            summaries=self._summaries(pool),
            frame_losses=self._frame_losses(pool),
            recorded=self._recorded(pool),
            draws=draws,
            labelled=LabelledEvidence(
                labels, None if embeddings is None else embeddings[len(pool) :], self._summaries(labelled)
            ),
        )

    @cached_property
    def _classifier(self) -> Classifier:
        classifier = self.make_classifier()
        classifier.load(self.weights)
        return classifier

    def _summaries(self, rows: Rows) -> NDArray[np.float64] | None:
        if EvidenceKind.SUMMARIES not in self.needs:
            return None
        if self.unlabelled.summaries is None:
            raise ValueError("the strategy needs summaries, and none were given")
        return self.unlabelled.summaries[np.searchsorted(self.train, rows)]

    def _frame_losses(self, rows: Rows) -> NDArray[np.float32] | None:
        if EvidenceKind.FRAME_LOSSES not in self.needs:
            return None
        if self.unlabelled.frame_losses is None:
            raise ValueError("the strategy needs frame losses, and none were given")
        return self.unlabelled.frame_losses[np.searchsorted(self.train, rows)]

    def _recorded(self, rows: Rows) -> NDArray[np.int64] | None:
        if EvidenceKind.RECORDED not in self.needs:
            return None
        if self.unlabelled.recorded is None:
            raise ValueError("the strategy needs a recorded order, and none was given")
        return self.unlabelled.recorded[np.searchsorted(self.train, rows)]


def _usable(values: NDArray[Float], what: str) -> NDArray[Float]:
    """`values`, unless one is not a number; -inf is the logarithm of a probability of 0."""
    unusable = int(np.isnan(values).any(axis=1).sum())
    if unusable:
        raise UnusableScores(f"The {what} of the classifier", unusable, len(values))
    return values
