"""Classifiers: what is trained on labelled utterances; one network per file."""

from after_ray.classifiers._base import (
    NO_CHECKPOINT,
    Classifier,
    ClassifierInputs,
    FitReport,
    Labelled,
    Weights,
    classifiers,
)

__all__ = [
    "NO_CHECKPOINT",
    "Classifier",
    "ClassifierInputs",
    "FitReport",
    "Labelled",
    "Weights",
    "classifiers",
]
