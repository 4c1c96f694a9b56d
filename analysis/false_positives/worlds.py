"""Two worlds without a difference: effects that add up, and real learners on overlapping training sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.significance.outcome import Differences

# Of the simulated features. The mean UA over the seeds is then between 0.5 and 0.75, as in small studies.
_WIDTH = 8
_CLASS_SPREAD = 2 / np.sqrt(_WIDTH)
_SPEAKER_SPREAD = 0.5  # of a speaker's shift, beside noise of 1
_RIDGE = 1.0


@dataclass(frozen=True)
class Design:
    """What is repeated in a study, on one corpus.

    Attributes:
        folds, seeds: of the study.
        cut: into how many folds the corpus is cut, of which a study may run some only.
        speakers: tested in each fold.
        utterances: of one speaker.
        classes: of the corpus.
        labelled: share of the training part that is labelled, above 0 and at most 1.
        test_over_train: utterances tested over utterances trained on.
    """

    folds: int
    seeds: int
    cut: int
    speakers: int = 2
    utterances: int = 60
    classes: int = 4
    labelled: float = 0.2
    test_over_train: float = 0.25


def additive_differences(
    design: Design, generator: np.random.Generator, fold_share: float, seed_share: float
) -> Differences:
    """Differences of mean 0 and variance 1, of which shares belong to folds and to seeds."""
    shape = (design.seeds, design.folds)
    parts = (
        generator.normal(size=(1, design.folds)),
        generator.normal(size=(design.seeds, 1)),
        generator.normal(size=shape),
    )
    shares = (fold_share, seed_share, max(0.0, 1 - fold_share - seed_share))
    folds, seeds, rest = (np.sqrt(share) * part for share, part in zip(shares, parts, strict=True))
    return folds + seeds + rest


def learner_differences(design: Design, generator: np.random.Generator) -> Differences:
    """Differences of UA between two methods that are equally good (`learner_scores`)."""
    one, other = learner_scores(design, generator, 2)
    return one - other


def learner_scores(design: Design, generator: np.random.Generator, methods: int) -> NDArray[np.float64]:
    """UA of methods that are equally good, each a linear learner on real folds: (methods, seeds, folds).

    All see the same utterances, labels and labelled sets, each through features of its own: the same class
    means, and shifts of speakers and noise that are drawn anew. On the speakers at hand one of them is ahead
    by chance; other speakers of the corpus would not agree. Training sets of two folds overlap as they do in
    cross-validation, which is what tests that take folds for independent do not allow for.
    """
    speaker = np.repeat(np.arange(design.cut * design.speakers), design.utterances)
    fold, truth = speaker // design.speakers, np.arange(len(speaker)) % design.classes
    means = _CLASS_SPREAD * generator.normal(size=(design.classes, _WIDTH))
    seen = [_features(means[truth], speaker, generator) for _ in range(methods)]
    scores = np.empty((methods, design.seeds, design.folds))
    for tested in range(design.folds):
        test, train = fold == tested, np.flatnonzero(fold != tested)
        size = min(len(train), max(2 * design.classes, round(design.labelled * len(train))))
        for seed in range(design.seeds):
            rows = generator.choice(train, size, replace=False)
            scores[:, seed, tested] = [
                _unweighted_accuracy(features, truth, rows, test, design.classes) for features in seen
            ]
    return scores


def _features(
    centres: NDArray[np.float64], speaker: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Class means, shifted by speaker, with noise and a column of ones."""
    shifts = _SPEAKER_SPREAD * generator.normal(size=(speaker.max() + 1, _WIDTH))
    noisy = centres + shifts[speaker] + generator.normal(size=centres.shape)
    return np.column_stack([noisy, np.ones(len(noisy))])


def _unweighted_accuracy(
    features: NDArray[np.float64],
    truth: NDArray[np.int64],
    rows: NDArray[np.int64],
    test: NDArray[np.bool_],
    classes: int,
) -> float:
    """UA on `test` of a ridge classifier trained on `rows`."""
    known, targets = features[rows], 2 * np.eye(classes)[truth[rows]] - 1
    weights = np.linalg.solve(known.T @ known + _RIDGE * np.eye(known.shape[1]), known.T @ targets)
    right = (features[test] @ weights).argmax(axis=1) == truth[test]
    counts = np.bincount(truth[test], minlength=classes)
    recalled = np.bincount(truth[test], right, minlength=classes)
    return float((recalled[counts > 0] / counts[counts > 0]).mean())
