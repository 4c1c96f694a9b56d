"""Classifiers of a user's own: `module:Class` in a file of theirs, with a model of settings that it names."""

from __future__ import annotations

from after_ray.classifiers._base import classifiers
from after_ray.classifiers._settings._base import Trained
from after_ray.errors import UnfitClassifier


def is_own(name: str) -> bool:
    """Whether a classifier's name is the dotted path of a user's own class."""
    return ":" in name


def own_model(name: str) -> type[Trained]:
    """The model of the settings that a user's own classifier takes; its module is imported.

    Raises:
        AfterRayError: when there is no such class, or it is no classifier that extends ours.
        UnfitClassifier: when it names no settings, or it or its settings lack something.
    """
    implementation = classifiers.resolve(name)
    model = implementation.settings_model
    if not (isinstance(model, type) and issubclass(model, Trained)):
        given = "it names none" if model is None else f"its 'settings_model' is {model!r}"
        raise UnfitClassifier(
            name,
            f"{given}, where a model of its settings is needed",
            "write 'settings_model = ...' in the class, with a subclass of Trained, Stepped or OnBackbone "
            "of after_ray.classifiers",
        )
    for part in (implementation, model):
        if undone := sorted(part.__abstractmethods__):
            raise UnfitClassifier(
                name,
                f"{part.__name__} has no {', '.join(undone)}",
                "write them, docs/own_classifier.md says how",
            )
    return model
