"""What all networks on time-frequency features have in common: pieces, optimiser, statistics, scores."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._base import ClassifierInputs, FitReport, Labelled
from after_ray.classifiers._batch_norm import recompute_statistics
from after_ray.classifiers._network_classifier import HeadedNetwork, NetworkClassifier
from after_ray.classifiers._settings import Stepped
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import NO_CHECKPOINT, Checkpoint
from after_ray.training.fit import FitPlan, fit_network
from after_ray.training.precision import passes
from after_ray.weights import Weights

Rows = NDArray[np.int64]

SCORING_BATCH = 64  # pieces
MOST_FOR_STATISTICS = 4096  # pieces of utterances that have many


class SpectralNetwork(HeadedNetwork):
    """A network on pieces of one shape that ends in dropout and a linear layer."""

    @abstractmethod
    def embed(self, pieces: Tensor) -> Tensor:
        """What the linear layer sees, shape (pieces, d)."""

    def forward(self, pieces: Tensor) -> Tensor:
        """Logits of shape (pieces, classes)."""
        return self.head(self.dropout(self.embed(pieces)))


Spectral = TypeVar("Spectral", bound=SpectralNetwork)
Own = TypeVar("Own", bound=Stepped)  # settings


@dataclass(frozen=True)
class Pieces:
    """Pieces of utterances, one after the other: whose they are and which of its pieces, shape (pieces,)."""

    rows: Rows
    places: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Rows, counts: NDArray[np.int64]) -> Pieces:
        """All pieces of `rows`, of which each has so many."""
        first = np.repeat(np.cumsum(counts) - counts, counts)
        return cls(np.repeat(rows, counts), np.arange(int(counts.sum())) - first)

    def at(self, chosen: Rows | slice) -> Pieces:
        """Some of them."""
        return Pieces(self.rows[chosen], self.places[chosen])

    def read(self, features: Ragged) -> NDArray[Any]:
        """What is stored of them where frames are pieces, shape (pieces, *inner)."""
        each = zip(self.rows.tolist(), self.places.tolist(), strict=True)
        return np.stack([features[row][place] for row, place in each])


class SpectralClassifier(NetworkClassifier[Spectral], Generic[Spectral, Own]):
    """Trains on pieces of utterances, each with the label of its utterance, whose logits are their mean.

    Batch-norm statistics are those of all that is labelled, taken anew before every evaluation and kept with
    the weights. Utterances in several pieces have more than that takes: at most 4,096 are
    used, spread over all. Weights are chosen by the validation cross-entropy of utterances, whichever loss
    is trained on. `precision` is that of training steps, and of nothing else.

    Subclasses say what the network is (`_drawn`), and where it differs from the usual: how pieces are given
    to it, the loss, the learning rate.
    """

    in_pieces: ClassVar[bool] = False  # whether the frames of the features are pieces; else all are one

    def __init__(self, settings: Own, inputs: ClassifierInputs) -> None:
        super().__init__(inputs, settings.precision)
        self._settings = settings

    @classmethod
    def build(cls, settings: Own, inputs: ClassifierInputs, backbone: BackboneSettings | None) -> Self:
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
        """Train with Adam from random weights or from `start`, keep the best validation loss."""
        settings, network = self._settings, self._begin(start, seeds)
        self._look_at(train)
        pieces, labels_of = self._pieces_of(train.rows), self._labels_of(train)
        updates = settings.updates(len(pieces.rows))
        draws = seeds.child("augmentation").generator()
        optimizer = torch.optim.Adam(
            [weight for weight in network.parameters() if weight.requires_grad],
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )

        def set_rate(steps_taken: int) -> None:
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * self._multiplier(steps_taken, updates)

        def step(chosen: Rows) -> Tensor:
            batch = pieces.at(chosen)
            return self._loss(self._inputs_of(batch), labels_of(batch.rows), draws)

        return fit_network(
            network,
            step=step,
            epoch_batches=lambda generator: even_batches(
                np.arange(len(pieces.rows)), settings.batch_size, generator
            ),
            validation_loss=lambda: self._validation_loss(validation),
            optimizer=optimizer,
            plan=FitPlan(updates, math.ceil(updates / settings.evaluations), settings.patience),
            seeds=seeds,
            on_step=set_rate if settings.rate == "published" else None,
            before_evaluation=lambda: self._recompute_statistics(pieces),
            generators={"augmentation": draws},
            precision=self._precision,
            checkpoint=checkpoint,
        )

    def _look_at(self, train: Labelled) -> None:
        """Take from the labelled set what the loss needs of it as a whole; usually nothing."""

    def _loss(self, inputs: Tensor, labels: Tensor, draws: np.random.Generator) -> Tensor:
        """The training loss of a batch of pieces; `draws` are for whatever is random in it but dropout.

        `labels`: class indices, shape (pieces,), or targets, shape (pieces, classes).
        """
        return cross_entropy(self._logits(inputs), labels)

    def _multiplier(self, taken: int, updates: int) -> float:
        """The share of the learning rate in the step after `taken` of all `updates`."""
        return 1.0

    def _prepared(self, pieces: NDArray[Any]) -> Tensor:
        """A batch of stored pieces as the network takes them, on the device."""
        return self._to_device(pieces).float()

    def _logits(self, inputs: Tensor) -> Tensor:
        """Float32, shape (pieces, classes), computed in the precision of training steps."""
        with passes(self._precision, self._inputs.device):
            logits = self._network(inputs)
        return logits.float()

    def _representation(self) -> Callable[..., Tensor]:
        return self._network.embed

    def _pieces_of(self, rows: Rows) -> Pieces:
        counts = self._inputs.features.lengths[rows] if self.in_pieces else np.ones(len(rows), np.int64)
        return Pieces.of(rows, counts)

    def _inputs_of(self, pieces: Pieces) -> Tensor:
        features = self._inputs.features
        if self.in_pieces:
            return self._prepared(pieces.read(features))
        return self._prepared(np.stack([features[row] for row in pieces.rows.tolist()]))

    def _recompute_statistics(self, pieces: Pieces) -> None:
        if self.in_pieces:
            pieces = pieces.at(slice(None, None, math.ceil(len(pieces.rows) / MOST_FOR_STATISTICS)))
        # Neighbouring rows share their speaker: every batch takes pieces from all over the labelled set.
        parts = math.ceil(len(pieces.rows) / SCORING_BATCH)
        batches = (self._inputs_of(pieces.at(slice(first, None, parts))) for first in range(parts))
        recompute_statistics(self._network, batches, self._network)

    @torch.no_grad()
    def _outputs(self, rows: Rows, function: Callable[..., Tensor]) -> NDArray[np.float32]:
        self._network.eval()
        pieces = self._pieces_of(rows)
        starts = range(0, len(pieces.rows), SCORING_BATCH)
        slices = [slice(first, first + SCORING_BATCH) for first in starts]
        scored = (function(self._inputs_of(pieces.at(part))).cpu() for part in slices)
        if not self.in_pieces:
            return torch.cat(list(scored)).numpy()
        owners = torch.from_numpy(np.cumsum(pieces.places == 0) - 1)
        return _means(scored, [owners[part] for part in slices])


def _means(parts: Iterator[Tensor], owners: list[Tensor]) -> NDArray[np.float32]:
    """The mean of every owner's vectors, shape (owners, d); vectors of one part at a time are in memory."""
    first = next(parts)
    sums = first.new_zeros(int(owners[-1][-1]) + 1, first.shape[1])
    for part, whose in zip(itertools.chain([first], parts), owners, strict=True):
        sums.index_add_(0, whose, part)
    counts = torch.cat(owners).bincount()
    return (sums / counts[:, None]).numpy()


def even_batches(items: Rows, batch_size: int, generator: np.random.Generator) -> list[Rows]:
    """One epoch: `items` in random order, in as few batches as `batch_size` allows, sizes differing by one.

    A short last batch would be normalised by the statistics of very few utterances.
    """
    return np.array_split(generator.permutation(items), math.ceil(len(items) / batch_size))
