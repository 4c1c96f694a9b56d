"""Metrics of the field from a confusion matrix or from probabilities; rows are the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Scores:
    """What one evaluation measured.

    `ua`: unweighted accuracy, the mean recall over the classes that are present. `wa`: overall accuracy.
    `loss`: mean negative log-likelihood in nats. `ece`: expected calibration error over ten equal bins.
    `recall`: per class, None for a class absent from the truth. `confusion`: classes x classes counts.
    """

    ua: float
    wa: float
    macro_f1: float
    loss: float
    ece: float
    recall: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]


def confusion_matrix(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Counts of shape (classes, classes), rows truth, columns prediction."""
    flat = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def recalls(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Recall per class; NaN where the class has no utterance in the truth."""
    support = confusion.sum(axis=1)
    present = support > 0
    result = np.full(len(confusion), np.nan)
    result[present] = np.diag(confusion)[present] / support[present]
    return result


def unweighted_accuracy(confusion: NDArray[np.int64]) -> float:
    """Mean recall over the classes present in the truth (UA, also called UAR)."""
    return float(np.nanmean(recalls(confusion)))


def weighted_accuracy(confusion: NDArray[np.int64]) -> float:
    """Share of correct utterances (WA)."""
    return float(np.trace(confusion) / confusion.sum())


def macro_f1(confusion: NDArray[np.int64]) -> float:
    """Mean F1 over the classes present in the truth; an absent prediction counts as F1 0."""
    hits = np.diag(confusion).astype(np.float64)
    total = confusion.sum(axis=0) + confusion.sum(axis=1)
    present = confusion.sum(axis=1) > 0
    return float(np.mean(2 * hits[present] / total[present]))


def calibration_error(probabilities: NDArray[np.float64], truth: NDArray[np.int64], bins: int = 10) -> float:
    """Expected calibration error: gap of confidence and accuracy over equal-width bins, weighted by size."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == truth
    which = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(which, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(truth))


def evaluate(log_probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> Scores:
    """All metrics from log-probabilities of shape (utterances, classes) and true class indices."""
    classes = log_probabilities.shape[1]
    predicted = log_probabilities.argmax(axis=1).astype(np.int64)
    confusion = confusion_matrix(truth, predicted, classes)
    floor = np.log(np.finfo(np.float64).tiny)  # a probability of exactly 0 would make the loss infinite
    loss = -np.maximum(log_probabilities[np.arange(len(truth)), truth], floor).mean()
    return Scores(
        ua=unweighted_accuracy(confusion),
        wa=weighted_accuracy(confusion),
        macro_f1=macro_f1(confusion),
        loss=float(loss),
        ece=calibration_error(np.exp(log_probabilities), truth),
        recall=tuple(None if np.isnan(r) else float(r) for r in recalls(confusion)),
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
    )
