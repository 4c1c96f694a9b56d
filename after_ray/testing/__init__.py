"""Promises that strategies and classifiers keep, as checks to run on your own.

    check_strategy(MyStrategy())
    check_classifier("mine:MyClassifier", depth=3)

Needs no test runner: a broken promise raises AssertionError with a sentence. With pytest:

    @pytest.mark.parametrize("promise", STRATEGY_PROMISES, ids=lambda promise: promise.__name__)
    def test_my_strategy(promise):
        promise(MyStrategy())
"""

from after_ray.testing._case import ClassifierCase, classifier_case
from after_ray.testing._classifiers import CLASSIFIER_PROMISES, ClassifierPromise, check_classifier
from after_ray.testing._strategies import STRATEGY_PROMISES, Promise, check_strategy, random_evidence

__all__ = [
    "CLASSIFIER_PROMISES",
    "STRATEGY_PROMISES",
    "ClassifierCase",
    "ClassifierPromise",
    "Promise",
    "check_classifier",
    "check_strategy",
    "classifier_case",
    "random_evidence",
]
