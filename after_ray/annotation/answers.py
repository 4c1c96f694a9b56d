"""What annotators answer for every utterance of a corpus: pure functions of labels, votes and seeds.

Draws are made for every manifest row, whether it is ever asked for or not: they belong to the seed and the
utterance, so that strategies, folds and initializations are told the same about the same utterance.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from after_ray.annotation.settings import AnnotationSettings
from after_ray.seeds import SeedTree
from after_ray.votes import Votes

Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Answers:
    """What the oracle answers, one entry per manifest row; `labels` here are always the corpus' own.

    Attributes:
        told: the class that is told, by index, shape (n,).
        targets: the share of every class, shape (n, classes), rows summing to 1; None where `told` says all.
        cost: how many annotations an answer takes, shape (n,).
        left: rows that nobody who heard them can tell, and that are not asked for again.
    """

    told: NDArray[np.int64]
    targets: NDArray[np.float64] | None
    cost: NDArray[np.int64]
    left: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def of_corpus(labels: Labels) -> Answers:
    """The corpus' own labels, one annotation each."""
    return Answers(labels.astype(np.int64), None, np.ones(len(labels), dtype=np.int64))


def answer(
    labels: Labels,
    votes: Votes | None,
    classes: int,
    settings: AnnotationSettings,
    noise: float,
    seeds: SeedTree,
) -> Answers:
    """Every answer of a study's annotators.

    Args:
        labels: the corpus' own, shape (n,).
        votes: those of its annotators; None where the corpus has none. A row without any is answered with
            the corpus' own label: whether such a row may be acquired is for the caller to say.
        classes: number of classes.
        settings: who annotates.
        noise: the share of answers that are replaced by another class.
        seeds: the root of one seed's tree; only its children `annotation` are drawn from.

    Raises:
        ValueError: when votes are read and there are none.
    """
    answers = _without_noise(labels, votes, settings, seeds.child("annotation", "votes"))
    return answers if noise == 0 else _flipped(answers, classes, noise, seeds.child("annotation", "noise"))


def _without_noise(
    labels: Labels, votes: Votes | None, settings: AnnotationSettings, seeds: SeedTree
) -> Answers:
    if not settings.of_votes:
        return of_corpus(labels)
    if votes is None:
        raise ValueError(f"the annotation {settings.title} needs votes, and the corpus has none")
    if settings.of_single_votes:
        return _drawn(labels, votes, settings.of or 1, seeds)
    majority, counts = _majority(labels, votes.counts), votes.counts
    voters = counts.sum(axis=1, keepdims=True)
    targets = None
    if settings.name == "soft":
        shares = counts / np.where(voters > 0, voters, 1)
        targets = np.where(voters > 0, shares, np.eye(counts.shape[1])[labels])
    # Everybody was asked, also who named nothing that is used; a row without votes costs the corpus' label.
    return Answers(majority, targets, np.where(voters[:, 0] > 0, votes.asked, 1))


def _majority(labels: Labels, counts: NDArray[np.float64]) -> NDArray[np.int64]:
    """The class of most votes; of several the corpus' own label where it is one of them, else the first.

    The corpus' own label where there are no votes at all.
    """
    most = counts.max(axis=1)
    own = counts[np.arange(len(counts)), labels] == most
    return np.where(own, labels, counts.argmax(axis=1)).astype(np.int64)


def _drawn(labels: Labels, votes: Votes, of: int, seeds: SeedTree) -> Answers:
    """The majority of `of` annotators of each row, asked one after the other; of several the first said.

    They are asked in one drawn order whatever `of` is, so that more votes are those of fewer and some. Who
    named nothing that is used has been asked and is passed over; who named several classes says one of them,
    drawn.
    """
    shape = (len(labels), max(1, int(votes.asked.max(initial=0))))
    turns = seeds.generator().random(shape)
    choices = seeds.child("one of several").generator().random(shape)
    told, cost = labels.astype(np.int64), np.ones(len(labels), dtype=np.int64)
    for row, ballots in enumerate(votes.ballots):
        named = [classes for classes, count in ballots for _ in range(count)]
        if not named:
            continue
        asked = int(votes.asked[row])
        order = np.argsort(turns[row, :asked], kind="stable")
        heard = [(turn, one) for turn, one in enumerate(order.tolist(), start=1) if one < len(named)][:of]
        said = [named[one][int(choices[row, one] * len(named[one]))] for _, one in heard]
        told[row] = _first_of_most(np.array(said))
        cost[row] = heard[-1][0] if len(heard) == of else asked
    return Answers(told, None, cost)


def _first_of_most(said: NDArray[np.int64]) -> int:
    """The class that is said most often; of several the one said first."""
    often = np.bincount(said)[said]
    return int(said[often.argmax()])


def _flipped(answers: Answers, classes: int, noise: float, seeds: SeedTree) -> Answers:
    """With a share of the answers replaced by one of the other classes, all of these alike.

    Every row has its own number: the rows flipped at a low share are flipped, to the same class, at a higher.
    """
    drawn = seeds.generator().random((len(answers.told), 2))
    flipped = drawn[:, 0] < noise
    step = 1 + np.floor(drawn[:, 1] * (classes - 1)).astype(np.int64)
    told = np.where(flipped, (answers.told + step) % classes, answers.told)
    targets = answers.targets
    if targets is not None:
        targets = np.where(flipped[:, None], np.eye(classes)[told], targets)
    return replace(answers, told=told, targets=targets)
