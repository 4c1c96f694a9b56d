"""Every classifier is trained on targets where there are any, and not on labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import cross_entropy

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import Classifier, ClassifierInputs, Labelled, classifiers
from after_ray.classifiers._backbone_classifier import BackboneClassifier
from after_ray.classifiers._light_network import focal_loss
from after_ray.classifiers._settings import (
    ClassifierSettings,
    FunctionalsSettings,
    GlamSettings,
    LightSerNetSettings,
    LssedSettings,
    PooledTransformerSettings,
    RhEmoSettings,
    W2v2LR12Settings,
)
from after_ray.classifiers.glam import weighted_loss
from after_ray.features.front_end import FrontEnd
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.training.settings import FittingSettings
from tests.after_ray.classifiers import rh_emo_parts
from tests.after_ray.conftest import as_ragged

CLASSES, ROWS = 3, 12
LABELS = np.arange(ROWS) % CLASSES
TRAIN, VALIDATION, ALL = np.arange(8), np.arange(8, ROWS), np.arange(ROWS)
FITTING = FittingSettings(max_epochs=2, min_updates=4, batch_size=8, learning_rate=1e-3)
TUNING = {"max_epochs": 2, "min_updates": 4, "batch_size": 8, "learning_rate": 1e-3}
WEIGHTED = FITTING.model_copy(update={"class_weights": "inverse_frequency"})
QUICK: dict[str, Any] = {"steps": 4, "evaluations": 2, "batch_size": 8}
SPECTRAL: dict[str, tuple[ClassifierSettings, tuple[int, ...]]] = {
    "functionals": (FunctionalsSettings(), (1, 94)),
    "light_sernet": (LightSerNetSettings(**QUICK), (24, 40)),
    "light_sernet-focal": (LightSerNetSettings(**QUICK, loss="focal"), (24, 40)),
    "glam": (GlamSettings(**QUICK), (2, 26, 4)),
    "glam-weighted": (GlamSettings(**QUICK, class_weights=True), (2, 26, 4)),
    "lssed": (LssedSettings(**QUICK, seconds=0.32), (32, 128)),
}
TUNED: dict[str, ClassifierSettings] = {
    "pooled_transformer": PooledTransformerSettings(fitting=FITTING),
    "pooled_transformer-weighted": PooledTransformerSettings(fitting=WEIGHTED),
    "w2v2_l_r_12": W2v2LR12Settings.model_validate({"fitting": TUNING, "max_seconds": 1.5}),
}
LARGE = ("lssed", "rh_emo")  # whose loss is that of all networks on pieces
QUICK_ONES = [name for name in (*SPECTRAL, *TUNED) if name not in LARGE]
NAMES = [*QUICK_ONES, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)]
Make = Callable[[str], Classifier]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def make(tiny: Callable[..., BackboneSettings], sound: Ragged) -> Make:
    """Makes a classifier of twelve utterances in three classes."""

    def made(name: str) -> Classifier:
        if name == "rh_emo":
            features = rh_emo_parts.spectrograms(np.ones(ROWS, dtype=np.int64))
            inputs = ClassifierInputs(features, CLASSES, pretrained=rh_emo_parts.untrained())
            quick = RhEmoSettings(steps=2, evaluations=1, batch_size=8)
            return classifiers.resolve(name).build(quick, inputs, None)
        if name in SPECTRAL:
            settings, shape = SPECTRAL[name]
            draws = np.random.default_rng(0)
            clips = [draws.standard_normal(shape).astype(np.float32) for _ in range(ROWS)]
            inputs = ClassifierInputs(as_ragged(clips), CLASSES)
            return classifiers.resolve(settings.name).build(settings, inputs, None)
        settings, backbone = TUNED[name], tiny("layer", layerdrop=0.0)
        extractor = FrontEnd(settings.features(backbone), None, "cpu")  # type: ignore[arg-type]
        waves = [sound[row].astype(np.float32) / 32768 for row in range(ROWS)]
        inputs = ClassifierInputs(as_ragged([extractor.extract(wave) for wave in waves]), CLASSES)
        return classifiers.resolve(settings.name).build(settings, inputs, backbone)

    return made


def said(classifier: Classifier, train: Labelled) -> NDArray[np.float64]:
    validation = Labelled(VALIDATION, LABELS[VALIDATION])
    classifier.fit(train, validation, start=None, seeds=SeedTree(0))
    return classifier.log_probabilities(ALL)


def sure(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.eye(CLASSES)[labels]


@pytest.mark.parametrize("name", NAMES)
def test_targets_that_are_sure_train_as_their_labels_do_whatever_the_labels_beside_them(
    make: Make, name: str
) -> None:
    labels = LABELS[TRAIN]
    expected = said(make(name), Labelled(TRAIN, labels))
    found = said(make(name), Labelled(TRAIN, (labels + 1) % CLASSES, targets=sure(labels)))
    np.testing.assert_allclose(found, expected, atol=2e-3)
    wrong = said(make(name), Labelled(TRAIN, (labels + 1) % CLASSES))
    assert np.abs(wrong - expected).max() > 1e-2, "the labels make no difference here"


@pytest.mark.parametrize("name", QUICK_ONES)
def test_shares_of_classes_train_otherwise_than_their_majority(make: Make, name: str) -> None:
    shares = 0.6 * sure(LABELS[TRAIN]) + 0.4 * sure((LABELS[TRAIN] + 1) % CLASSES)
    hard = said(make(name), Labelled(TRAIN, LABELS[TRAIN]))
    soft = said(make(name), Labelled(TRAIN, LABELS[TRAIN], targets=shares))
    assert np.isfinite(soft).all()
    assert np.abs(soft - hard).max() > 1e-3


def test_the_regression_solves_exactly_the_problem_of_every_vote_as_an_example(make: Make) -> None:
    """Quarters as sample weights are four copies of each utterance, a vote each, at a fourth of C."""
    votes = np.random.default_rng(3).multinomial(4, [0.5, 0.3, 0.2], size=len(TRAIN))
    classifier = make("functionals")
    found = said(classifier, Labelled(TRAIN, votes.argmax(axis=1), targets=votes / 4))
    values = np.stack([classifier._inputs.features[row][0] for row in ALL])  # type: ignore[attr-defined]
    scaler = StandardScaler().fit(values[TRAIN].astype(np.float64))
    rows, classes = np.nonzero(votes)
    counts = votes[rows, classes]
    reference = LogisticRegression(C=1 / 4, max_iter=5000, tol=1e-8)
    reference.fit(scaler.transform(values[np.repeat(rows, counts)]), np.repeat(classes, counts))
    expected = reference.predict_log_proba(scaler.transform(values))
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_a_class_that_somebody_voted_for_is_seen_and_utterances_count_once(make: Make) -> None:
    classifier = make("functionals")
    targets = np.tile([0.75, 0.25, 0.0], (len(TRAIN), 1))
    probabilities = np.exp(said(classifier, Labelled(TRAIN, np.zeros(len(TRAIN), np.int64), targets=targets)))
    np.testing.assert_allclose(probabilities[:, 2], 1 / (len(TRAIN) + CLASSES))
    assert classifier.weights()["seen"].tolist() == [0, 1]


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_the_focal_loss_of_targets_is_that_of_each_class_by_its_share(gamma: float) -> None:
    logits = torch.randn(6, CLASSES, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor(np.random.default_rng(0).dirichlet(np.ones(CLASSES), 6), dtype=torch.float32)
    each = torch.stack(
        [
            torch.stack([focal_loss(logits[i : i + 1], torch.tensor([c]), gamma) for c in range(CLASSES)])
            for i in range(6)
        ]
    )
    torch.testing.assert_close(focal_loss(logits, targets, gamma), (each * targets).sum(dim=1).mean())
    if gamma == 0:
        torch.testing.assert_close(focal_loss(logits, targets, gamma), cross_entropy(logits, targets))


def test_a_weighted_mean_over_segments_divides_by_the_weights_of_their_targets() -> None:
    logits = torch.randn(6, CLASSES, generator=torch.Generator().manual_seed(0))
    labels, weights = torch.tensor([0, 1, 2, 0, 0, 1]), torch.tensor([0.5, 0.7, 0.9])
    hard = cross_entropy(logits, labels, weight=weights)
    torch.testing.assert_close(weighted_loss(logits, labels, weights), hard)
    torch.testing.assert_close(weighted_loss(logits, torch.eye(CLASSES)[labels], weights), hard)
    mixed = torch.tensor([[0.5, 0.5, 0.0]]).repeat(6, 1)
    log_p = logits.log_softmax(dim=1)
    inside = -(0.25 * log_p[:, 0] + 0.35 * log_p[:, 1]).sum() / (6 * 0.6)
    torch.testing.assert_close(weighted_loss(logits, mixed, weights), inside)


def test_class_weights_of_targets_are_of_expected_counts_and_have_mean_one(make: Make) -> None:
    classifier = make("pooled_transformer-weighted")
    assert isinstance(classifier, BackboneClassifier)
    shares = np.tile([0.5, 0.25, 0.25], (len(TRAIN), 1))
    weights = classifier._class_weights(
        Labelled(TRAIN, np.zeros(len(TRAIN), np.int64), targets=shares)
    ).numpy()
    np.testing.assert_allclose(weights / weights[0], [1, 5 / 3, 5 / 3], rtol=1e-6)  # (4 + 1) / (2 + 1)
    assert (shares @ weights).mean() == pytest.approx(1)
