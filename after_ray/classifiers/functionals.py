"""Acoustic functionals with logistic regression: the classical yardstick, trained in milliseconds."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._base import (
    Classifier,
    ClassifierInputs,
    FitReport,
    Labelled,
    classifiers,
)
from after_ray.classifiers._settings import FunctionalsSettings
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import NO_CHECKPOINT, Checkpoint
from after_ray.weights import Weights

MAX_ITERATIONS = 2000


@classifiers.register("functionals")
class FunctionalsClassifier(Classifier):
    """Functionals standardised on the labelled set, then L2-regularised multinomial logistic regression.

    A convex problem with one solution: nothing is drawn, validation labels choose nothing, and earlier
    weights would not change the result. A class without a labelled utterance has the probability of
    Laplace's rule of succession, 1 / (labelled + classes), and the classes seen share the rest; with a
    single class seen that is the smoothed class prior.

    Targets are exact: an utterance is there once per class, weighed by that class' share.
    """

    def __init__(self, settings: FunctionalsSettings, inputs: ClassifierInputs) -> None:
        self._settings = settings
        self._inputs = inputs
        self._solved: _Solution | None = None

    @classmethod
    def build(
        cls, settings: FunctionalsSettings, inputs: ClassifierInputs, backbone: BackboneSettings | None
    ) -> FunctionalsClassifier:
        """Make the classifier of `settings`; it has no backbone."""
        return cls(settings, inputs)

    def fit(
        self,
        train: Labelled,
        validation: Labelled,
        *,
        start: Weights | None,
        seeds: SeedTree,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> FitReport:
        """Solve for `train`; `start`, `seeds` and, in its milliseconds, `checkpoint` are not needed.

        The report warns of classes without a labelled utterance and of a solver that did not arrive.
        """
        functionals = self._functionals(train.rows)
        self._solved, complaints = _solve(functionals, train, self._settings.regularization)
        scores = self.log_probabilities(validation.rows)
        loss = -scores[np.arange(len(scores)), validation.labels].mean()
        return FitReport(
            updates=0,
            epochs=0.0,
            validation_loss=float(loss),
            stopped="solved",
            warnings=(*self._unseen_classes(), *complaints),
        )

    def _unseen_classes(self) -> tuple[str, ...]:
        classes = self._inputs.classes
        unseen = np.setdiff1d(np.arange(classes), self._solution.seen)
        if not len(unseen):
            return ()
        indices = ", ".join(str(index) for index in unseen)
        return (
            f"{len(unseen)} of {classes} classes without a labelled utterance yet, so never predicted: "
            f"index {indices}.",
        )

    def log_probabilities(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Natural log-probabilities of shape (len(rows), classes), in the order of `rows`."""
        solution, classes = self._solution, self._inputs.classes
        unseen = 1.0 / (int(solution.labelled) + classes)
        rest = 1.0 - (classes - len(solution.seen)) * unseen
        logits = solution.standardised(self._functionals(rows)) @ solution.coef.T + solution.intercept
        result = np.full((len(rows), classes), np.log(unseen))
        result[:, solution.seen] = np.log(rest) + log_softmax(logits, axis=1)
        return result

    def embeddings(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The standardised functionals, shape (len(rows), 94)."""
        return self._solution.standardised(self._functionals(rows)).astype(np.float32)

    def weights(self) -> Weights:
        """Standardisation (mean, scale), coef, intercept, the classes seen and the number labelled."""
        return asdict(self._solution)

    def load(self, weights: Weights) -> None:
        """Take over weights returned by `weights`."""
        self._solved = _Solution(**weights)

    @property
    def _solution(self) -> _Solution:
        if self._solved is None:
            raise ValueError("fit or load the classifier before scoring with it")
        return self._solved

    def _functionals(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        features = self._inputs.features
        return np.stack([features[row][0] for row in rows.tolist()]).astype(np.float64)


@dataclass(frozen=True)
class _Solution:
    """What a fit found; one row of `coef` (seen, d) and one `intercept` (seen,) per class in `seen`."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    seen: NDArray[np.int64]
    labelled: NDArray[Any]

    def standardised(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Features with mean 0 and deviation 1 over the labelled set."""
        return (features - self.mean) / self.scale


def _solve(
    features: NDArray[np.float64], train: Labelled, regularization: float
) -> tuple[_Solution, tuple[str, ...]]:
    """The solution, and a sentence for each thing that scikit-learn complained of."""
    scaler = StandardScaler().fit(features)
    rows, labels, shares = _examples(train)
    seen = np.unique(labels)
    complaints: tuple[str, ...] = ()
    coef, intercept = np.zeros((1, features.shape[1])), np.zeros(1)
    if len(seen) > 1:
        model = LogisticRegression(C=regularization, max_iter=MAX_ITERATIONS)
        complaints = _fit_quietly(model, scaler.transform(features)[rows], labels, shares)
        coef, intercept = model.coef_, model.intercept_
    if len(seen) == 2:  # two classes have one logit, that of the second; the first one's is then 0
        coef, intercept = np.vstack([0 * coef, coef]), np.append(0.0, intercept)
    counted = np.array(len(features))
    return _Solution(scaler.mean_, scaler.scale_, coef, intercept, seen, counted), complaints


def _examples(
    train: Labelled,
) -> tuple[NDArray[np.int64] | slice, NDArray[np.int64], NDArray[np.float64] | None]:
    """Places among the labelled, classes and weights of what the regression is solved for.

    The labelled themselves, unweighted, or where there are targets one example per class with a share.
    """
    if train.targets is None:
        return slice(None), train.labels, None
    places, classes = np.nonzero(train.targets)
    return places, classes, train.targets[places, classes]


def _fit_quietly(
    model: LogisticRegression,
    features: NDArray[np.float64],
    labels: NDArray[np.int64],
    shares: NDArray[np.float64] | None,
) -> tuple[str, ...]:
    """Fit; what scikit-learn would print on a worker's console is returned, to be kept with the round."""
    weighed = {} if shares is None else {"sample_weight": shares}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(features, labels, **weighed)
    if caught and int(model.n_iter_.max()) >= model.max_iter:
        return (
            f"The solver stopped at its limit of {model.max_iter} iterations before it converged; "
            "lower 'regularization' for a problem that is easier to solve.",
        )
    lines = dict.fromkeys(str(warning.message).splitlines()[0].strip() for warning in caught)
    return tuple(f"The solver warned: {line.rstrip('.')}." for line in lines)
