"""Classifiers: what is trained on labelled utterances; one network per file."""

from after_ray.classifiers._base import (
    Classifier,
    ClassifierInputs,
    FitReport,
    Labelled,
    classifiers,
)

__all__ = [
    "Classifier",
    "ClassifierInputs",
    "FitReport",
    "Labelled",
    "classifiers",
]
