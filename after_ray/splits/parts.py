"""The parts of one fold: rows of the manifest, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold: rows of the manifest in each part, sorted.

    `unused` rows are in no part (a balanced train). `validation_is_of_test`: validation was cut from the
    held-out part and shares its speakers. `shares_speakers`: test speakers are trained on (folds that deal
    utterances, and not speakers).
    """

    index: int
    train: Rows
    validation: Rows
    test: Rows
    unused: Rows = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    validation_is_of_test: bool = False
    shares_speakers: bool = False
