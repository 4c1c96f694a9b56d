"""Folders of tiny untrained transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from after_ray.backbones.loading import arrays, build
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import ClassifierInputs, classifiers
from after_ray.classifiers._settings import OnBackbone
from after_ray.models import ModelFacts, Parts, write_model
from after_ray.models.facts import heard_seconds, kind_of
from after_ray.models.transformers.writing import self_contained, write_beside
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from tests.after_ray.models.folders import CLASSES


def transformer_folder(out: Path, settings: OnBackbone, backbone: BackboneSettings) -> Path:
    """A model of kind `transformer`: the backbone's random weights, a head as a training would start from."""
    described = self_contained(backbone)
    features = settings.features(described)
    facts = ModelFacts(
        kind=kind_of(settings),
        classes=CLASSES,
        classifier=settings,
        features=features,
        backbone=described,
        max_seconds=heard_seconds(settings, features),
    )
    weights = arrays(build(backbone))
    inner = () if settings.front_end_trained else (16,)
    nothing = np.zeros((400, *inner), np.int16 if settings.front_end_trained else np.float16)
    inputs = ClassifierInputs(Ragged(nothing, np.array([0, 400])), len(CLASSES), weights)
    drawn = classifiers.resolve(settings.name).build(settings, inputs, described).initial(SeedTree(1))
    assert drawn is not None
    # Larger than drawn, so that clips differ in their probabilities.
    louder = {name: 3 * value if name.startswith("head") else value for name, value in drawn.items()}

    def beside(folder: Path, said: ModelFacts) -> ModelFacts:
        write_beside(folder, said)
        return said

    write_model(out, facts, Parts(louder, weights), beside)
    return out
