"""Model folders made in a moment: a regression on functionals of made-up sound, and an untrained network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from after_ray.classifiers import ClassifierInputs, Labelled, classifiers
from after_ray.classifiers._settings import ClassifierSettings, FunctionalsSettings, LightSerNetSettings
from after_ray.features import extractors
from after_ray.models import ModelFacts, Parts, write_model
from after_ray.models.facts import heard_seconds, kind_of
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import NO_CHECKPOINT
from after_ray.weights import Weights

CLASSES = ("anger", "happy", "neutral", "sad")
SAMPLE_RATE = 16_000


def waves(count: int = 8, longest: float = 4.0, seed: int = 3) -> list[NDArray[np.float32]]:
    """Noisy tones of 0.3 s up to `longest` seconds, in 16 bits; class i has its own pitch."""
    generator = np.random.default_rng(seed)
    made = []
    for place in range(count):
        time = np.arange(int(generator.uniform(0.3, longest) * SAMPLE_RATE)) / SAMPLE_RATE
        tone = np.sin(2 * np.pi * (120 + 70 * (place % len(CLASSES))) * time)
        sound = 0.3 * tone + 0.05 * generator.standard_normal(len(time))
        made.append((np.rint(sound * 32768).clip(-32768, 32767) / 32768).astype(np.float32))
    return made


def facts_of(settings: ClassifierSettings) -> ModelFacts:
    """Facts of a classifier without a backbone."""
    features = settings.features(None)
    return ModelFacts(
        kind=kind_of(settings),
        classes=CLASSES,
        classifier=settings,
        features=features,
        study="made up",
        key="0" * 64,
        max_seconds=heard_seconds(settings, features),
        version="0",
    )


def functionals_folder(out: Path, settings: ClassifierSettings | None = None) -> Path:
    """A model trained on 16 tones by their functionals: of kind `functionals`, or of `settings` on these."""
    settings = settings or FunctionalsSettings()
    facts, sounds = facts_of(settings), waves(16, 1.0, seed=1)
    extractor = extractors.resolve("functionals")(facts.features, None, "cpu")  # type: ignore[call-arg]
    features = Ragged(np.concatenate([extractor.extract(wave) for wave in sounds]), np.arange(17))
    inputs = ClassifierInputs(features=features, classes=len(CLASSES))
    classifier = classifiers.resolve(settings.name).build(settings, inputs, None)
    labelled = Labelled(np.arange(16), np.arange(16) % len(CLASSES))
    classifier.fit(labelled, labelled, start=None, seeds=SeedTree(0), checkpoint=NO_CHECKPOINT)
    write_model(out, facts, Parts(classifier.weights()))
    return out


def light_sernet_folder(out: Path) -> Path:
    """A model of kind `network`, small and with random weights."""
    return network_folder(out, LightSerNetSettings())


def network_folder(
    out: Path, settings: ClassifierSettings, pretrained: Weights | None = None, louder: float = 20
) -> Path:
    """A model of kind `network`: the weights that a training starts from, the last layer so many times."""
    facts = facts_of(settings)
    extractor = extractors.resolve(facts.features.kind)(facts.features, None, "cpu")  # type: ignore[call-arg]
    one = extractor.extract(waves(1)[0])
    features = Ragged(one, np.array([0, len(one)]))
    inputs = ClassifierInputs(features, len(CLASSES), pretrained=pretrained)
    drawn = classifiers.resolve(settings.name).build(settings, inputs, None).initial(SeedTree(4))
    assert drawn is not None
    weights = {name: louder * value if name == "head.weight" else value for name, value in drawn.items()}
    write_model(out, facts, Parts(weights, pretrained=pretrained))
    return out
