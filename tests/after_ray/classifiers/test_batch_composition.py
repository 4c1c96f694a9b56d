"""What an utterance scores does not depend on what is scored beside it, uncropped and of any length."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.acquisition import PoolEvidence, strategies
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import Classifier, ClassifierInputs, Labelled, classifiers
from after_ray.classifiers._settings import (
    ClassifierSettings,
    FunctionalsSettings,
    GlamSettings,
    LightSerNetSettings,
    LssedSettings,
    PooledTransformerSettings,
    RhEmoSettings,
    W2v2LR12Settings,
    needs_backbone,
)
from after_ray.classifiers.lssed import Lssed
from after_ray.environment import fix_threads
from after_ray.features import extractors
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.training.settings import FittingSettings
from tests.after_ray.classifiers.rh_emo_parts import untrained

Rows = NDArray[np.int64]
FITTING = FittingSettings(max_epochs=1, min_updates=4, batch_size=8, evaluations_per_epoch=1)
TRANSFORMER = PooledTransformerSettings(max_seconds=40, fitting=FITTING)
W2V2 = W2v2LR12Settings.model_validate({"max_seconds": 40, "fitting": FITTING.model_dump()})
LIVE = TRANSFORMER.model_copy(update={"freeze_front_end": False, "freeze_projection": False})
CASES: dict[str, tuple[ClassifierSettings, str]] = {
    "pooled_transformer": (TRANSFORMER, "group"),
    "pooled_transformer, layer norm": (TRANSFORMER, "layer"),
    "pooled_transformer, front end trained": (LIVE, "group"),
    "w2v2_l_r_12": (W2V2, "layer"),
    "light_sernet": (LightSerNetSettings(steps=2, evaluations=1, batch_size=8), ""),
    "glam": (GlamSettings(steps=2, evaluations=1, batch_size=8, learning_rate=1e-4), ""),
    "lssed": (LssedSettings(steps=2, evaluations=1, batch_size=8, seconds=0.32), ""),
    "rh_emo": (RhEmoSettings(steps=2, evaluations=1, batch_size=8, learning_rate=1e-3), ""),
    "functionals": (FunctionalsSettings(), ""),
}
SECONDS = np.geomspace(0.1, 34, 8)[np.random.default_rng(1).permutation(8)]  # as in IEMOCAP, and shorter
ALL: Rows = np.arange(len(SECONDS))
SHORT = Labelled(np.flatnonzero(SECONDS < 4), np.flatnonzero(SECONDS < 4) % 3)


def test_every_classifier_is_among_the_cases() -> None:
    assert {settings.name for settings, _ in CASES.values()} == set(classifiers.names())


def wave(row: int) -> NDArray[np.float32]:
    """A tone of its own in noise, in [-1, 1]."""
    generator = np.random.default_rng(row)
    time = np.arange(int(SECONDS[row] * 16_000)) / 16_000
    tone = np.sin(2 * np.pi * (120 + 40 * row) * time)
    return (0.3 * tone + 0.05 * generator.standard_normal(len(time))).astype(np.float32)


@pytest.fixture(params=CASES)
def classifier(
    request: pytest.FixtureRequest,
    tiny: Callable[..., BackboneSettings],
    make_ragged: Callable[[Sequence[NDArray[np.generic]]], Ragged],
) -> Classifier:
    """Trained for a few steps on the shorter utterances, over the features of all."""
    fix_threads(1)
    settings, norm = CASES[request.param]
    backbone = tiny(norm, initializer_range=0.3) if needs_backbone(settings) else None
    wanted = settings.features(backbone)
    extractor = extractors.resolve(wanted.kind)(wanted, None, "cpu")  # type: ignore[call-arg]
    features = make_ragged([extractor.extract(wave(row)) for row in ALL.tolist()])
    pretrained = untrained(float(features.values.max())) if settings.pretraining else None
    inputs = ClassifierInputs(features, 3, pretrained=pretrained)
    made = classifiers.resolve(settings.name).build(settings, inputs, backbone)
    made.fit(SHORT, SHORT, start=None, seeds=SeedTree(0))
    return made


def test_alone_in_pairs_and_with_everybody_an_utterance_scores_the_same(classifier: Classifier) -> None:
    pairs = ALL.reshape(-1, 2)
    probabilities, embeddings = np.exp(classifier.log_probabilities(ALL)), classifier.embeddings(ALL)
    assert np.ptp(probabilities, axis=0).min() > 1e-2, "utterances shall differ"
    for company in (ALL[:, None], pairs, pairs[:, ::-1], ALL[None, ::-1]):
        scored = np.concatenate([classifier.log_probabilities(rows) for rows in company])
        seen = np.concatenate([classifier.embeddings(rows) for rows in company])
        rows = company.ravel()
        deep = isinstance(classifier, Lssed)  # rounding errors of 50 layers
        np.testing.assert_allclose(np.exp(scored), probabilities[rows], atol=5e-5 if deep else 1e-5, rtol=0)
        np.testing.assert_allclose(seen, embeddings[rows], atol=1e-3 if deep else 1e-5, rtol=1e-5)
        assert picked(scored[np.argsort(rows)]) == picked(np.log(probabilities))


def picked(log_probabilities: NDArray[np.float64]) -> list[int]:
    """Half of the pool, by entropy."""
    evidence = PoolEvidence(len(ALL), log_probabilities)
    return strategies.resolve("entropy")().select(evidence, 4, np.random.default_rng(0)).positions.tolist()
