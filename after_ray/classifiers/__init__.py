"""Classifiers: what is trained on labelled utterances; one network per file.

A class of one's own extends `Classifier` and names its settings, a model that extends `Trained`, `Stepped` (a
network with its own schedule) or `OnBackbone`.
"""

from after_ray.classifiers._base import (
    Classifier,
    ClassifierInputs,
    FitReport,
    Labelled,
    classifiers,
)
from after_ray.classifiers._pretraining import Pretrained, PretrainingInputs
from after_ray.classifiers._settings import OnBackbone, PretrainingStep, Stepped, Trained

__all__ = [
    "Classifier",
    "ClassifierInputs",
    "FitReport",
    "Labelled",
    "OnBackbone",
    "Pretrained",
    "PretrainingInputs",
    "PretrainingStep",
    "Stepped",
    "Trained",
    "classifiers",
]
