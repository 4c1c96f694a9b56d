"""Validation no larger than what is labelled: early stopping on labels that a budget would not have paid.

Validation labels are not counted as labelled. With the cap, a round uses the first utterances of one fixed
order of the fold's validation part, as many as it has labelled ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from after_ray.seeds import SeedTree
from after_ray.splits.parts import Fold

Rows = NDArray[np.int64]


def validation_order(fold: Fold, labels: Rows) -> Rows:
    """The fold's validation rows in the order in which a growing cap takes them in.

    Every beginning of it has the classes of the whole: of n utterances of a class, in an order drawn by the
    fold's index and not by the run's seed, utterance i (from 0) stands at (i + 1/2) / n of the whole way.
    A beginning of m of M rows then holds m n / M of them, give or take about one.

    Args:
        fold: whose validation part it is.
        labels: class index of every row of the corpus.
    """
    seeds = SeedTree(0).child("validation cap", fold.index)
    rows, places = [], []
    for label in np.unique(labels[fold.validation]).tolist():
        of_class = np.sort(fold.validation[labels[fold.validation] == label])
        rows.append(seeds.child(label).generator().permutation(of_class))
        places.append((np.arange(len(of_class)) + 0.5) / len(of_class))
    # Classes of one size stand at the same places: who comes first of them is drawn too, once.
    ties = seeds.child("ties").generator().permutation(len(rows))
    turns = [np.full(len(place), tie) for place, tie in zip(places, ties, strict=True)]
    return np.concatenate(rows)[np.lexsort((np.concatenate(turns), np.concatenate(places)))]


def capped(order: Rows, labelled: int) -> Rows:
    """The validation rows of a round with `labelled` utterances, ascending; all once it has enough."""
    return np.sort(order[:labelled])
