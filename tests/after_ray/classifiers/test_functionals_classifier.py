from __future__ import annotations

import re
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from after_ray.classifiers import ClassifierInputs, FitReport, Labelled, classifiers, functionals
from after_ray.classifiers._settings import FunctionalsSettings
from after_ray.classifiers.functionals import FunctionalsClassifier
from after_ray.corpora._base import open_source
from after_ray.corpora._settings import CorpusSettings, EmodbSettings, RavdessSettings
from after_ray.features._settings import FunctionalFeatures
from after_ray.features.functionals import Functionals
from after_ray.metrics import evaluate
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree

CLASSES = 4


def clusters(count: int = 300, width: int = 94, seed: int = 0) -> tuple[Ragged, NDArray[np.int64]]:
    """Features around one centre per class, and their classes."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    centres = 0.5 * generator.standard_normal((CLASSES, width))
    values = centres[labels] + generator.standard_normal((count, width))
    values = (values * np.geomspace(1e-2, 1e3, width) + 7).astype(
        np.float32
    )  # scales as different as real ones
    return Ragged(values, np.arange(count + 1)), labels


FEATURES, LABELS = clusters()
VALIDATION = Labelled(np.arange(240, 300), LABELS[240:])
EVERYTHING = np.arange(300)


def labelled(count: int, classes: tuple[int, ...] = (0, 1, 2, 3)) -> Labelled:
    rows = np.flatnonzero(np.isin(LABELS[:240], classes))[:count]
    return Labelled(rows, LABELS[rows])


def fitted(train: Labelled, **settings: Any) -> tuple[FunctionalsClassifier, FitReport]:
    classifier = FunctionalsClassifier.build(
        FunctionalsSettings(**settings), ClassifierInputs(FEATURES, CLASSES), None
    )
    return classifier, classifier.fit(train, VALIDATION, start=None, seeds=SeedTree(0))


def test_equals_scikit_learn_on_standardised_features() -> None:
    train = labelled(120)
    classifier, _ = fitted(train, regularization=0.3)
    values = FEATURES.values.astype(np.float64)
    scaler = StandardScaler().fit(values[train.rows])
    reference = LogisticRegression(C=0.3, max_iter=5000, tol=1e-8)
    reference.fit(scaler.transform(values[train.rows]), train.labels)
    expected = reference.predict_proba(scaler.transform(values))
    assert np.exp(classifier.log_probabilities(EVERYTHING)) == pytest.approx(expected, abs=2e-3)


def test_learns_and_reports_the_validation_loss() -> None:
    classifier, report = fitted(labelled(240))
    assert classifiers.resolve("functionals") is FunctionalsClassifier
    scores = evaluate(classifier.log_probabilities(VALIDATION.rows), VALIDATION.labels)
    assert scores.ua > 0.9
    assert report.validation_loss == pytest.approx(scores.loss)
    assert (report.updates, report.stopped, report.warnings) == (0, "solved", ())


@pytest.mark.parametrize("classes", [(2,), (0, 3), (0, 1, 3), (0, 1, 2, 3)])
def test_probabilities_have_all_classes_whatever_is_labelled(classes: tuple[int, ...]) -> None:
    train = labelled(12, classes)
    classifier, _ = fitted(train)
    scores = classifier.log_probabilities(EVERYTHING)
    assert scores.shape == (300, CLASSES)
    assert np.exp(scores).sum(axis=1) == pytest.approx(1)
    unseen = np.setdiff1d(np.arange(CLASSES), classes)
    assert np.exp(scores[:, unseen]) == pytest.approx(1 / (len(train.rows) + CLASSES))
    assert np.isin(scores[train.rows].argmax(axis=1), classes).all()


def test_two_labelled_classes_are_told_apart() -> None:
    train = labelled(40, (1, 3))
    classifier, _ = fitted(train)
    assert (classifier.log_probabilities(train.rows).argmax(axis=1) == train.labels).all()


def test_one_labelled_utterance_gives_the_smoothed_prior() -> None:
    classifier, _ = fitted(labelled(1, (2,)))
    assert np.exp(classifier.log_probabilities(EVERYTHING[:3])) == pytest.approx(
        np.tile([0.2, 0.2, 0.4, 0.2], (3, 1))
    )


def test_weights_score_again_to_the_bit() -> None:
    for train in (labelled(1, (2,)), labelled(30, (0, 2)), labelled(240)):
        classifier, _ = fitted(train)
        weights = {name: np.array(value, copy=True) for name, value in classifier.weights().items()}
        other = FunctionalsClassifier(FunctionalsSettings(), ClassifierInputs(FEATURES, CLASSES))
        other.load(weights)
        assert np.array_equal(other.log_probabilities(EVERYTHING), classifier.log_probabilities(EVERYTHING))
        assert np.array_equal(other.embeddings(EVERYTHING), classifier.embeddings(EVERYTHING))


def test_same_labels_same_bits_whatever_the_seed_and_the_start() -> None:
    train = labelled(100)
    first, _ = fitted(train)
    second, _ = fitted(labelled(20))
    second.fit(train, VALIDATION, start=first.weights(), seeds=SeedTree(9))
    assert all(np.array_equal(first.weights()[name], second.weights()[name]) for name in first.weights())


def test_scores_do_not_depend_on_neighbours() -> None:
    classifier, _ = fitted(labelled(240))
    rows = np.array([7, 3, 250])
    alone = np.concatenate([classifier.log_probabilities(rows[i : i + 1]) for i in range(3)])
    assert classifier.log_probabilities(rows) == pytest.approx(alone, abs=1e-12)


def test_embeddings_are_standardised_on_the_labelled_set() -> None:
    train = labelled(240)
    embeddings = fitted(train)[0].embeddings(train.rows)
    assert embeddings.shape == (240, 94)
    assert embeddings.dtype == np.float32
    assert embeddings.mean(axis=0) == pytest.approx(0, abs=1e-4)
    assert embeddings.std(axis=0) == pytest.approx(1, abs=1e-4)


def test_scoring_before_training_is_refused() -> None:
    with pytest.raises(ValueError, match="fit or load"):
        FunctionalsClassifier(FunctionalsSettings(), ClassifierInputs(FEATURES, CLASSES)).weights()


def test_a_fit_converges_in_milliseconds_without_warnings() -> None:
    train = labelled(240)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            fitted(train)
            seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.1


def test_a_solver_that_runs_out_of_iterations_says_so_in_the_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(functionals, "MAX_ITERATIONS", 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, report = fitted(labelled(240))
    assert len(report.warnings) == 1
    assert report.warnings[0].startswith("The solver stopped at its limit of 3 iterations")


def test_any_other_complaint_of_the_solver_is_in_the_report_too(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = LogisticRegression.fit

    def complain(self: LogisticRegression, *arguments: Any) -> LogisticRegression:
        for _ in range(2):
            warnings.warn("something is odd.\nread the manual", RuntimeWarning, stacklevel=1)
        return fit(self, *arguments)

    monkeypatch.setattr(LogisticRegression, "fit", complain)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, report = fitted(labelled(240))
    assert report.warnings == ("The solver warned: something is odd.",)


@pytest.mark.parametrize(
    ("classes", "said"),
    [((0, 1, 3), "1 of 4 classes .* never predicted: index 2"), ((3,), "3 of 4 .*: index 0, 1, 2")],
)
def test_classes_without_a_labelled_utterance_are_in_the_report(classes: tuple[int, ...], said: str) -> None:
    _, report = fitted(labelled(12, classes))
    assert len(report.warnings) == 1
    assert re.fullmatch(said + r"\.", report.warnings[0])


def speaker_folds_ua(settings: CorpusSettings, folds: int) -> float:
    """Mean UA over folds of speakers, trained on all labels of the others."""
    source = open_source(settings)
    entries = source.listing().entries
    extractor = Functionals(FunctionalFeatures(), None, "cpu")
    values = np.concatenate([extractor.extract(source.read(entry.path).mono()) for entry in entries])
    features = Ragged(values, np.arange(len(entries) + 1))
    labels = np.unique([entry.emotion for entry in entries], return_inverse=True)[1].astype(np.int64)
    speakers = np.unique([entry.speaker for entry in entries], return_inverse=True)[1]
    groups = speakers * folds // (speakers.max() + 1)
    scores = []
    for held_out in range(folds):
        train, test = np.flatnonzero(groups != held_out), np.flatnonzero(groups == held_out)
        classifier = FunctionalsClassifier(FunctionalsSettings(), ClassifierInputs(features, CLASSES))
        parts = (Labelled(rows, labels[rows]) for rows in (train, test))
        classifier.fit(*parts, start=None, seeds=SeedTree(0))
        scores.append(evaluate(classifier.log_probabilities(test), labels[test]).ua)
    return float(np.mean(scores))


@pytest.mark.slow
def test_reaches_the_bar_on_emodb(corpora: Path) -> None:
    assert speaker_folds_ua(EmodbSettings(root=str(corpora / "emodb")), folds=5) >= 0.74


@pytest.mark.slow
def test_reaches_the_bar_on_ravdess(corpora: Path) -> None:
    assert speaker_folds_ua(RavdessSettings(root=str(corpora / "ravdess")), folds=5) >= 0.55
