"""What annotators answer for every utterance of a corpus: pure functions of labels, votes and seeds.

Draws are made for every manifest row, whether it is ever asked for or not: they belong to the seed and the
utterance, so that strategies, folds and initializations are told the same about the same utterance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from after_ray.annotation.settings import AnnotationSettings
from after_ray.seeds import SeedTree

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Answers:
    """What the oracle can be told by, one entry per manifest row.

    Attributes:
        labels: class indices, shape (n,).
        targets: the share of every class, shape (n, classes), rows summing to 1; None where labels say all.
        flipped: whether noise has replaced the answer, shape (n,); None without noise.
        cost: how many annotations an answer takes, shape (n,).
    """

    labels: NDArray[np.int64]
    targets: NDArray[np.float64] | None
    flipped: NDArray[np.bool_] | None
    cost: NDArray[np.int64]


def of_corpus(labels: NDArray[np.int64]) -> Answers:
    """The corpus' own labels, one annotation each."""
    return Answers(labels.astype(np.int64), None, None, np.ones(len(labels), dtype=np.int64))


def answer(
    labels: NDArray[np.int64],
    votes: Counts | None,
    classes: int,
    settings: AnnotationSettings,
    noise: float,
    seeds: SeedTree,
) -> Answers:
    """Every answer of a study's annotators.

    Args:
        labels: the corpus' own, shape (n,).
        votes: counts per class, shape (n, classes); None where the corpus has none. A row without any keeps
            the corpus' own label: whether such a row may be acquired is for the caller to say.
        classes: number of classes.
        settings: who annotates.
        noise: the share of answers that are replaced by another class.
        seeds: the root of one seed's tree; only its children `annotation` are drawn from.

    Raises:
        ValueError: when votes are read and there are none.
    """
    told = _told(labels, votes, settings, seeds.child("annotation", "votes"))
    return told if noise == 0 else _flipped(told, classes, noise, seeds.child("annotation", "noise"))


def _told(
    labels: NDArray[np.int64], votes: Counts | None, settings: AnnotationSettings, seeds: SeedTree
) -> Answers:
    """The answers without noise."""
    if not settings.of_votes:
        return of_corpus(labels)
    if votes is None:
        raise ValueError(f"the annotation {settings.title} needs votes, and the corpus has none")
    if settings.name in ("single", "votes"):
        return _drawn(labels, votes, settings.of or 1, seeds)
    majority = _majority(labels, votes)
    voted = votes.sum(axis=1)
    cost = np.maximum(voted, 1)  # a row without votes costs the corpus' label
    targets = None
    if settings.name == "soft":
        targets = np.where(voted[:, None] > 0, votes / cost[:, None], np.eye(votes.shape[1])[labels])
    return Answers(majority, targets, None, cost)


def _majority(labels: NDArray[np.int64], votes: Counts) -> NDArray[np.int64]:
    """The class of most votes; of several the corpus' own label where it is one of them, else the first.

    The corpus' own label where there are no votes at all.
    """
    most = votes.max(axis=1)
    own = votes[np.arange(len(votes)), labels] == most
    return np.where(own, labels, votes.argmax(axis=1)).astype(np.int64)


def _drawn(labels: NDArray[np.int64], votes: Counts, of: int, seeds: SeedTree) -> Answers:
    """The majority of `of` votes of each row drawn without replacement; of several the first drawn of them.

    The votes of a row come in one drawn order whatever `of` is: more votes are those of fewer and some.
    """
    voted = votes.sum(axis=1)
    cost = np.minimum(np.maximum(voted, 1), of)
    keys = seeds.generator().random((len(votes), max(1, int(voted.max(initial=0)))))
    drawn = labels.astype(np.int64)
    for row in np.flatnonzero(voted).tolist():
        each = np.repeat(np.arange(votes.shape[1]), votes[row])
        drawn[row] = _first_of_most(each[np.argsort(keys[row, : len(each)], kind="stable")][:of])
    return Answers(drawn, None, None, cost)


def _first_of_most(drawn: NDArray[np.int64]) -> int:
    """The class that is drawn most often; of several the one drawn first."""
    often = np.bincount(drawn)[drawn]
    return int(drawn[often.argmax()])


def _flipped(told: Answers, classes: int, noise: float, seeds: SeedTree) -> Answers:
    """With a share of the answers replaced by one of the other classes, all of these alike.

    Every row has its own number: the rows flipped at a low share are flipped, to the same class, at a higher.
    """
    drawn = seeds.generator().random((len(told.labels), 2))
    flipped = drawn[:, 0] < noise
    step = 1 + np.floor(drawn[:, 1] * (classes - 1)).astype(np.int64)
    labels = np.where(flipped, (told.labels + step) % classes, told.labels)
    targets = told.targets
    if targets is not None:
        targets = np.where(flipped[:, None], np.eye(classes)[labels], targets)
    return replace(told, labels=labels, targets=targets, flipped=flipped)
