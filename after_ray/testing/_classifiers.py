"""Promises that every classifier keeps: what the active-learning loop, the store and strategies rely on."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition import EvidenceKind
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import Classifier, FitReport, Labelled
from after_ray.errors import AfterRayError, Tripped
from after_ray.preemption import Preempted
from after_ray.seeds import SeedTree
from after_ray.store.artifacts import MappedArrays, save_arrays
from after_ray.store.checkpoints import Checkpoint
from after_ray.testing._case import CLASSES, TRAIN, ClassifierCase, Rows, classifier_case, labelled
from after_ray.testing._globals import elsewhere, global_states
from after_ray.weights import Weights

ClassifierPromise = Callable[[ClassifierCase], None]

CLOSE = 1e-4  # how far rounding in another batch may move a probability
CLOSE_VECTORS = 1e-3  # the same of an embedding, of the largest number in any


def check_classifier(
    name: str,
    *,
    backbone: BackboneSettings | Mapping[str, Any] | None = None,
    device: str = "cpu",
    **settings: Any,
) -> None:
    """Check every promise of `CLASSIFIER_PROMISES` on a small made-up corpus.

    `name`: `module:Class`; the rest as `classifier_case` takes it.

    Raises:
        AssertionError: naming the first promise that is broken.
        AfterRayError: when there is no such classifier.
        pydantic.ValidationError: when a setting is not what it takes.
    """
    case = classifier_case(name, backbone=backbone, device=device, **settings)
    for promise in CLASSIFIER_PROMISES:
        promise(case)


def reads_only_what_it_may(case: ClassifierCase) -> None:
    """A training reads features of train and validation, a scoring those of the rows it was asked for."""
    try:
        classifier = case.first.classifier
        with case.scoring() as rows:
            classifier.log_probabilities(rows)
            classifier.embeddings(rows)
    except Tripped as error:
        raise AssertionError(str(error)) from error


def tells_of_its_training(case: ClassifierCase) -> None:
    """`fit` returns a FitReport with a finite validation loss."""
    report = case.first.report
    assert isinstance(report, FitReport), f"fit returned a {type(report).__name__}, not a FitReport"
    finite = math.isfinite(report.validation_loss)
    assert finite, f"the validation loss of its report is {report.validation_loss}"


def gives_probabilities_of_every_class(case: ClassifierCase) -> None:
    """Log-probabilities of all classes, in float64, that sum to one, in the order of the rows."""
    with case.scoring() as rows:
        scores = case.first.classifier.log_probabilities(rows)
        _are_probabilities(scores, len(rows), "trained on all classes")
        turned = case.first.classifier.log_probabilities(rows[::-1])
    gap = _gap(np.exp(turned[::-1]), np.exp(scores))
    assert gap < CLOSE, f"rows in another order moved a probability by {gap:.2g}"


def works_with_a_class_unlabelled(case: ClassifierCase) -> None:
    """Probabilities are those of all classes also where only one or two have a labelled utterance."""
    for classes in (2, 1):
        what = f"{classes} of {CLASSES} classes labelled"
        try:
            fitted = case.fitted(labelled(TRAIN[:6], classes))
            with case.scoring() as rows:
                scores = fitted.classifier.log_probabilities(rows)
        except Exception as error:  # whatever a class that is missing breaks
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
        _are_probabilities(scores, len(rows), what)


def scores_alone_as_in_company(case: ClassifierCase) -> None:
    """What an utterance scores does not depend on its neighbours, nor on how many there are."""
    classifier = case.first.classifier
    with case.scoring() as rows:
        for what, function, allowed in (
            ("a probability", _probabilities(classifier), CLOSE),
            ("an embedding", classifier.embeddings, CLOSE_VECTORS),
        ):
            together = function(rows)
            allowed *= max(1.0, float(np.abs(together).max()))
            for size in (1, 2):
                parts = [function(rows[first : first + size]) for first in range(0, len(rows), size)]
                gap = _gap(np.concatenate(parts), together)
                assert gap < allowed, f"in a batch of {size} {what} is {gap:.2g} from that among {len(rows)}"


def embeds_every_utterance(case: ClassifierCase) -> None:
    """Embeddings are finite float32 of shape (rows, d), also of a single row, as wide as any."""
    with case.scoring() as rows:
        several, one = (case.first.classifier.embeddings(some) for some in (rows, rows[:1]))
    for vectors, count in ((several, len(rows)), (one, 1)):
        shape = getattr(vectors, "shape", None)
        fits = shape is not None and len(shape) == 2 and shape[0] == count and shape[1] > 0
        assert fits, f"{count} rows have embeddings of shape {shape}, not ({count}, d)"
        assert vectors.dtype == np.float32, f"embeddings are {vectors.dtype}, not float32"
        assert np.isfinite(vectors).all(), "embeddings are not finite"
    widths = (one.shape[1], several.shape[1])
    assert widths[0] == widths[1], f"embeddings of one row have width {widths[0]}, of more {widths[1]}"


def draws_dropout_of_its_head(case: ClassifierCase) -> None:
    """Where its settings say that strategies may ask for draws, those of no dropout are its probabilities."""
    if EvidenceKind.DROPOUT_DRAWS not in case.settings.evidence:
        return
    classifier = case.first.classifier
    with case.scoring() as rows:
        try:
            draws = classifier.head_draws(rows)
        except NotImplementedError as error:
            raise AssertionError(f"its settings say that its head has dropout, and {error}") from error
        expected = np.exp(classifier.log_probabilities(rows))
    plain = np.exp(draws.log_probabilities(np.ones((1, draws.embeddings.shape[1])))[:, 0])
    assert 0 < draws.share < 1, f"a mask drops a share of {draws.share}, not one between 0 and 1"
    gap = _gap(plain, expected)
    assert gap < CLOSE, f"draws without any dropout are {gap:.2g} from its probabilities"


def keeps_all_in_its_weights(case: ClassifierCase) -> None:
    """`weights()`, written and read as the store does, make another object score the same, to the bit."""
    fitted = case.first
    arrays = isinstance(fitted.weights, Mapping) and all(
        isinstance(value, np.ndarray) for value in fitted.weights.values()
    )
    assert arrays, "weights() is no mapping of names to numpy arrays"
    with tempfile.TemporaryDirectory() as folder:
        save_arrays(Path(folder) / "weights", fitted.weights)
        other = case.loaded(MappedArrays(Path(folder) / "weights"))
    with case.scoring() as rows:
        for name in ("log_probabilities", "embeddings"):
            here, there = (getattr(one, name)(rows) for one in (fitted.classifier, other))
            gap = _gap(here, there)
            assert np.array_equal(here, there), f"after load() {name} are {gap:.2g} from what they were"


def repeats_itself(case: ClassifierCase) -> None:
    """The same labels and seeds give the same bits, in another object and whatever was drawn elsewhere."""
    first = case.first
    with elsewhere():
        again = case.fitted()
    _are_same(again.weights, first.weights, "a second training with the same seeds")


def touches_no_global_random_state(case: ClassifierCase) -> None:
    """The global generators of Python, numpy and torch, on GPUs as well, stand where they stood."""
    before = global_states()
    classifier = case.fitted().classifier
    with case.scoring() as rows:
        classifier.log_probabilities(rows)
        classifier.embeddings(rows)
    moved = [name for name, state in global_states().items() if state != before[name]]
    assert not moved, f"the global generator of {', '.join(moved)} was moved"


def goes_on_from_earlier_weights(case: ClassifierCase) -> None:
    """`start` matters where `continues` says so, is left as it is, and gives the same bits each time.

    What a fresh training starts from, if it tells, has the names and shapes of its weights.
    """
    if not case.settings.continues:
        return
    start = case.first.weights
    kept = {name: np.array(value) for name, value in start.items()}
    on, again = (case.fitted(start=start) for _ in range(2))
    _are_same(start, kept, "the weights that a training started from, after it,")
    _are_same(again.weights, on.weights, "a second training from the same weights")
    matters = not _same(on.weights, case.first.weights)
    assert matters, "a training from earlier weights ends as a fresh one; 'continues = False' says so"
    initial = case.untrained().initial(SeedTree(7).child("fit"))
    shapes = {name: value.shape for name, value in (initial or {}).items()}
    expected = {name: value.shape for name, value in start.items()}
    assert initial is None or shapes == expected, "initial() has other names or shapes than weights()"


def goes_on_after_a_cut(case: ClassifierCase) -> None:
    """A training that keeps its state and is killed ends, when it goes on, with the bits of one that was not.

    One that never saves a state begins anew, which costs time and nothing else.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "checkpoint"
        try:
            case.fitted(checkpoint=_Cutting(place, every=0.0))
        except Preempted:
            on = case.fitted(checkpoint=Checkpoint(place, every=0.0))
            _are_same(on.weights, case.first.weights, "a training that was cut and went on")


def uses_or_refuses_soft_targets(case: ClassifierCase) -> None:
    """Labels that are shares of several classes are learned from or refused, not taken for their largest.

    A share of 0.6 of every utterance is of the class that its label says: only shares tell of the rest.
    """
    hard = labelled(TRAIN)
    sure = np.eye(CLASSES)[hard.labels]
    shares = 0.6 * sure + 0.4 * np.roll(sure, 1, axis=1)
    try:
        soft = case.fitted(Labelled(hard.rows, hard.labels, hard.acquired, shares))
    except (AfterRayError, NotImplementedError):
        return
    with case.scoring() as rows:
        told, of_labels = (one.classifier.log_probabilities(rows) for one in (soft, case.first))
    assert not np.array_equal(told, of_labels), (
        "shares of classes scored as their largest ones; learn from 'targets', or raise an error"
    )


CLASSIFIER_PROMISES: tuple[ClassifierPromise, ...] = (
    reads_only_what_it_may,
    tells_of_its_training,
    gives_probabilities_of_every_class,
    works_with_a_class_unlabelled,
    scores_alone_as_in_company,
    embeds_every_utterance,
    draws_dropout_of_its_head,
    keeps_all_in_its_weights,
    repeats_itself,
    touches_no_global_random_state,
    goes_on_from_earlier_weights,
    goes_on_after_a_cut,
    uses_or_refuses_soft_targets,
)


class _Cutting(Checkpoint):
    """Ends the training, as a machine that is taken back does, when it has saved its second state."""

    def __init__(self, place: Path, every: float) -> None:
        super().__init__(place, every)
        self._saved = 0

    def save(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Write the state; the second time it is the last thing that the training does."""
        super().save(arrays, values)
        self._saved += 1
        if self._saved == 2:
            raise Preempted


def _probabilities(classifier: Classifier) -> Callable[[Rows], NDArray[Any]]:
    return lambda rows: np.exp(classifier.log_probabilities(rows))


def _are_probabilities(scores: Any, count: int, what: str) -> None:
    shape = getattr(scores, "shape", None)
    assert shape == (count, CLASSES), f"{what}: log-probabilities have shape {shape}, not {(count, CLASSES)}"
    assert scores.dtype == np.float64, f"{what}: log-probabilities are {scores.dtype}, not float64"
    assert not np.isnan(scores).any(), f"{what}: a log-probability is not a number"
    off = float(np.abs(np.exp(scores).sum(axis=1) - 1).max())
    assert off < 1e-6, f"{what}: probabilities of an utterance sum to one within {off:.2g} only"


def _gap(here: NDArray[Any], there: NDArray[Any]) -> float:
    """The largest difference of two arrays; infinite where their shapes differ."""
    return float(np.abs(here - there).max()) if here.shape == there.shape else math.inf


def _same(here: Weights, there: Weights) -> bool:
    return here.keys() == there.keys() and all(np.array_equal(here[name], there[name]) for name in here)


def _are_same(here: Weights, there: Weights, what: str) -> None:
    assert here.keys() == there.keys(), f"{what} has other names of weights"
    for name in here:
        gap = _gap(here[name], there[name])
        assert np.array_equal(here[name], there[name]), f"{what} has '{name}' {gap:.2g} from the first one's"
