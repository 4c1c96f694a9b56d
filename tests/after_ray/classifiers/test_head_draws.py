"""Draws of dropout in the head are those of the network itself, and classifiers say whether they have any."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from after_ray.acquisition import EvidenceKind
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import Classifier, ClassifierInputs, classifiers
from after_ray.classifiers._network_classifier import NetworkClassifier
from after_ray.classifiers._settings import (
    ClassifierSettings,
    FunctionalsSettings,
    LightSerNetSettings,
    OnBackbone,
    PooledTransformerSettings,
    RhEmoSettings,
    W2v2LR12Settings,
)
from after_ray.features._settings import FrontEndFeatures
from after_ray.features.front_end import FrontEnd
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from tests.after_ray.classifiers.rh_emo_parts import spectrograms, untrained

Make = Callable[[ClassifierSettings], Classifier]
ROWS = np.array([7, 0, 3, 11])
DRAWING = [
    PooledTransformerSettings(head_dropout=0.2),
    LightSerNetSettings(),
    W2v2LR12Settings(),
    RhEmoSettings(network="alexnet", dropout=0.2),
]
CERTAIN = [
    PooledTransformerSettings(),
    LightSerNetSettings(dropout=0.0),
    RhEmoSettings(),
    FunctionalsSettings(),
]


def name_of(settings: ClassifierSettings) -> str:
    return settings.name


@pytest.fixture
def make(tiny: Callable[..., BackboneSettings], sound: Ragged, make_ragged: Callable[..., Ragged]) -> Make:
    """Makes an untrained classifier of three classes with weights of its own."""

    def made(settings: ClassifierSettings) -> Classifier:
        backbone = tiny("group")
        if isinstance(settings, OnBackbone):
            front_end = FrontEnd(FrontEndFeatures(backbone=backbone), None, "cpu")
            values = [front_end.extract(sound[row].astype(np.float32) / 32768) for row in range(len(sound))]
        else:
            values = list(np.random.default_rng(0).standard_normal((12, 24, 40)).astype(np.float32))
        pretrained = None
        if isinstance(settings, RhEmoSettings):
            pretrained = untrained()
            values = list(spectrograms(np.ones(12, dtype=np.int64)).values[:, None])
        classifier = classifiers.resolve(settings.name).build(
            settings, ClassifierInputs(make_ragged(values), 3, pretrained=pretrained), backbone
        )
        classifier.initial(SeedTree(1))
        return classifier

    return made


@pytest.mark.parametrize("settings", DRAWING, ids=name_of)
def test_nothing_dropped_is_what_the_classifier_says(make: Make, settings: ClassifierSettings) -> None:
    classifier = make(settings)
    draws = classifier.head_draws(ROWS)
    found = draws.log_probabilities(np.ones((1, draws.embeddings.shape[1])))
    np.testing.assert_allclose(found[:, 0], classifier.log_probabilities(ROWS), atol=1e-5)
    assert draws.share == settings.head_dropout_share


@pytest.mark.parametrize("settings", DRAWING, ids=name_of)
def test_a_mask_is_what_dropout_does_to_the_whole_pool_alike(
    make: Make, settings: ClassifierSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network itself, its last dropout replaced by each mask, gives the probabilities of that draw."""
    classifier = make(settings)
    assert isinstance(classifier, NetworkClassifier)
    draws = classifier.head_draws(ROWS)
    masks = draws.masks(5, np.random.default_rng(0))
    found = draws.log_probabilities(masks)
    assert {0.0, 1 / (1 - draws.share)} == set(np.unique(masks))
    for number, mask in enumerate(torch.from_numpy(masks).float()):
        monkeypatch.setattr(classifier._network.dropout, "forward", lambda hidden, mask=mask: hidden * mask)
        np.testing.assert_allclose(found[:, number], classifier.log_probabilities(ROWS), atol=1e-5)


@pytest.mark.parametrize("settings", DRAWING, ids=name_of)
def test_the_pool_goes_through_the_network_once(
    make: Make, settings: ClassifierSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = make(settings)
    asked: list[int] = []
    real = type(classifier).embeddings
    monkeypatch.setattr(
        type(classifier), "embeddings", lambda self, rows: asked.append(len(rows)) or real(self, rows)
    )
    draws = classifier.head_draws(ROWS)
    for count in (1, 50):
        draws.log_probabilities(draws.masks(count, np.random.default_rng(0)))
    assert asked == [len(ROWS)]


@pytest.mark.parametrize("settings", CERTAIN, ids=name_of)
def test_a_head_without_dropout_has_no_draws_and_says_so(make: Make, settings: ClassifierSettings) -> None:
    assert EvidenceKind.DROPOUT_DRAWS not in settings.evidence
    with pytest.raises(NotImplementedError, match="no dropout"):
        make(settings).head_draws(ROWS)


@pytest.mark.parametrize("settings", [*DRAWING, *CERTAIN], ids=name_of)
def test_what_every_classifier_has(settings: ClassifierSettings) -> None:
    always = {EvidenceKind.PROBABILITIES, EvidenceKind.EMBEDDINGS, EvidenceKind.SUMMARIES}
    assert always <= settings.evidence
    assert (EvidenceKind.FRAME_LOSSES in settings.evidence) == isinstance(settings, OnBackbone)
    assert (EvidenceKind.DROPOUT_DRAWS in settings.evidence) == (settings in DRAWING)
