"""What the active-learning loop needs of a classifier, and nothing of how it is trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition import HeadDraws
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._pretraining import Pretrained, PretrainingInputs
from after_ray.ragged import Ragged
from after_ray.registry import Registry
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import NO_CHECKPOINT, Checkpoint
from after_ray.training.fit_report import FitReport
from after_ray.weights import Weights

if TYPE_CHECKING:
    from after_ray.classifiers._settings._base import Trained


@dataclass(frozen=True)
class Labelled:
    """Labelled utterances: manifest rows in ascending order and their class indices.

    `acquired`: the same rows in the order in which they were labelled, where there is such an order. Only
    trainings that say so look at it: strategies coincide where their labelled sets do.
    `targets`: the share of every class, shape (rows, classes), in the order of `rows`, which is then trained
    on in place of the labels; None where labels say all.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    acquired: NDArray[np.int64] | None = None
    targets: NDArray[np.float64] | None = None

    def counts(self, classes: int, each: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """How much of every class is labelled, shape (classes,); `each`: what a row counts for, else 1."""
        if self.targets is None:
            return np.bincount(self.labels, weights=each, minlength=classes)
        return self.targets.sum(axis=0) if each is None else each @ self.targets


@dataclass(frozen=True)
class ClassifierInputs:
    """What a classifier may see of a corpus: features of every utterance, never a label.

    Attributes:
        features: one row per manifest row, as made by this classifier's features stage.
        classes: number of classes (from the manifest).
        backbone: weights of the adapted backbone for classifiers that have one, else None.
        device: torch device name.
        compile: whether networks that can be compiled are.
        pretrained: what the last step of the pretraining left, for classifiers that have one, else None.
    """

    features: Ragged
    classes: int
    backbone: Weights | None = None
    device: str = "cpu"
    compile: bool = False
    pretrained: Weights | None = None


class Classifier(ABC):
    """A classifier over one prepared corpus. It is built from (settings, ClassifierInputs).

    Every score of an utterance depends on the weights and that utterance alone, never on its neighbours.
    `settings_model`: what the settings of a user's own are validated as; those of the package are found by
    name.
    """

    settings_model: ClassVar[type[Trained] | None] = None

    @classmethod
    @abstractmethod
    def build(cls, settings: Any, inputs: ClassifierInputs, backbone: BackboneSettings | None) -> Classifier:
        """Make the classifier of `settings`; `backbone` says how a backbone is built, if there is one."""

    @classmethod
    def pretrain(
        cls,
        step: Any,
        inputs: PretrainingInputs,
        *,
        seeds: SeedTree,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> Pretrained:
        """Take one step of the pretraining that the settings of the classifier list.

        All randomness comes from `seeds`; `checkpoint` as in `fit`.

        Raises:
            NotImplementedError: of a classifier that lists none.
        """
        raise NotImplementedError(f"{cls.__name__} is not pretrained")

    @abstractmethod
    def fit(
        self,
        train: Labelled,
        validation: Labelled,
        *,
        start: Weights | None,
        seeds: SeedTree,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> FitReport:
        """Train on `train`, choose weights by `validation` loss.

        `start`: weights of an earlier round to go on from; None starts afresh (from the adapted backbone
        where there is one). All randomness comes from `seeds`. Works when a class has no labelled
        utterance yet: probabilities always have all classes. `checkpoint`: where the state of a long
        training is kept; one with the state of a killed training is gone on from, to the same bits.
        """

    def initial(self, seeds: SeedTree) -> Weights | None:
        """The weights that `fit` starts from when it starts afresh with `seeds`; None where it has none."""
        return None

    @abstractmethod
    def log_probabilities(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Natural log-probabilities of shape (len(rows), classes), in the order of `rows`."""

    @abstractmethod
    def embeddings(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The trained representation of shape (len(rows), d), in the order of `rows`."""

    def head_draws(self, rows: NDArray[np.int64]) -> HeadDraws:
        """Class probabilities of `rows` under dropout of the head, drawn when asked.

        Raises:
            NotImplementedError: of a classifier without dropout in its head.
        """
        raise NotImplementedError(f"{type(self).__name__} has no dropout to draw from")

    @abstractmethod
    def weights(self) -> Weights:
        """Everything `load` needs to score again, batch-norm statistics included, as arrays."""

    @abstractmethod
    def load(self, weights: Weights) -> None:
        """Take over weights returned by `weights`."""

    def take_over(self, trained: Classifier) -> None:
        """Score as `trained` does, a classifier of the same settings over other utterances.

        What the two have may be shared, so that none of them is trained afterwards.
        """
        self.load(trained.weights())


classifiers: Registry[Classifier] = Registry("classifier", "after_ray.classifiers", Classifier)
