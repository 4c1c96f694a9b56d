"""What goes into a round of active learning, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from after_ray.classifiers import FitReport, Labelled
from after_ray.metrics import Scores
from after_ray.weights import Weights

if TYPE_CHECKING:
    from after_ray.splits.oracle import Evaluator
    from after_ray.splits.tripwire import Part

Rows = NDArray[np.int64]
NOTHING: Rows = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class RoundState:
    """Where a round starts: rows labelled so far, in order of acquisition, and weights trained on them.

    `left`: rows that earlier rounds asked for and nobody could tell.
    """

    labelled: Rows
    weights: Weights
    left: Rows = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True)
class Validation:
    """The validation utterances of one round: what training chooses its weights by, and what scores them."""

    labelled: Labelled
    evaluator: Evaluator


class Lifted(Protocol):
    """Opens parts of the fold for reading, inside a `with` block (`after_ray.splits.tripwire`)."""

    def __call__(self, *parts: Part, during: str) -> AbstractContextManager[None]:
        """Everything else is closed inside the block; `during` names the step, as a noun."""


@dataclass(frozen=True)
class RoundResult:
    """What one round did.

    Attributes:
        acquired: manifest rows labelled in this round, first choice first.
        left: manifest rows asked for in this round that nobody could tell.
        labelled: all rows labelled so far, in order of acquisition.
        weights: of the classifier trained on `labelled`.
        revealed: labels that the oracle gave out for the trajectory so far; equal to the labelled.
        fit: how the training went.
        validation: scores on the validation rows of this round.
        test: scores on the test part.
        validation_rows: the validation rows of this round; all of the fold's unless they are capped.
        validation_log_probabilities: shape (validation rows, classes), in their order.
        test_log_probabilities: shape (test utterances, classes), in the fold's order.
        acquired_scores: what each row was acquired for; None where there are no scores.
        pool: the unlabelled rows that were chosen from, ascending.
        pool_scores: what the pool was ranked by; None where picks are not those of one ranking.
        seconds: wall time of `score`, `acquire`, `train`, `evaluate`, and of the round as `total`; of a round
            that was killed also the time up to the checkpoint that it went on from.
        resumed: how often the round was killed and went on from a checkpoint; of kills before its training
            had a checkpoint only the last counts.
        details: what the initialization or the strategy wants recorded.
    """

    acquired: Rows
    labelled: Rows
    weights: Weights
    revealed: int
    fit: FitReport
    validation: Scores
    test: Scores
    validation_rows: Rows
    validation_log_probabilities: NDArray[np.float64]
    test_log_probabilities: NDArray[np.float64]
    acquired_scores: NDArray[np.float64] | None
    pool: Rows
    pool_scores: NDArray[np.float64] | None
    seconds: dict[str, float]
    resumed: int = 0
    left: Rows = field(default_factory=lambda: NOTHING)
    details: Mapping[str, object] = field(default_factory=dict)
