"""What a step of a pretraining may see, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from after_ray.ragged import Ragged
from after_ray.training.fit_report import FitReport
from after_ray.weights import Weights


@dataclass(frozen=True)
class Shown:
    """Utterances that a step may look at: manifest rows in ascending order.

    `labels`: their class indices where the step learns from labels, else None.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class PretrainingInputs:
    """What a step may see of a corpus.

    Attributes:
        features: one row per manifest row; no other rows than those of `train` and `validation` may be read.
        classes: number of classes (from the manifest).
        train: what it learns from.
        validation: what chooses its weights.
        previous: the weights of the step before; None for the first.
        device: torch device name.
    """

    features: Ragged
    classes: int
    train: Shown
    validation: Shown
    previous: Weights | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Pretrained:
    """What a step leaves: weights for the next step and for the classifier, how it went, what it measured."""

    weights: Weights
    report: FitReport
    measures: Mapping[str, float] = field(default_factory=dict)
