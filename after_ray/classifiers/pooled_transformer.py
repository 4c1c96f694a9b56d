"""AFTER's classifier: the backbone's transformer encoder, fine-tuned on the labelled utterances."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from after_ray.audio.batches import length_batches
from after_ray.backbones.loading import build
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._base import (
    Classifier,
    ClassifierInputs,
    FitReport,
    Labelled,
    Weights,
    classifiers,
)
from after_ray.classifiers._pooled_network import PooledNetwork, augmentation
from after_ray.classifiers._settings import PooledTransformerSettings
from after_ray.learning.fit import epochs_plan, fit_network, shuffled_batches
from after_ray.seeds import SeedTree

MAX_FRAMES = 8_000  # padded frames in one pass: 160 s of speech


@classifiers.register("pooled_transformer")
class PooledTransformer(Classifier):
    """Encoder of wav2vec 2.0, ReLU, masked mean over time, linear layer (after_spec.md, 5.3).

    `inputs.features` are front-end outputs, since the front end is frozen; `inputs.backbone` the adapted
    weights, None for the backbone as it is. SpecAugment is applied in training only. Losses are means over
    the utterances of a step, however many passes it takes.
    """

    def __init__(
        self, settings: PooledTransformerSettings, backbone: BackboneSettings, inputs: ClassifierInputs
    ) -> None:
        self._settings = settings
        self._backbone = backbone
        self._inputs = inputs
        self._lengths = inputs.features.lengths
        self._made: PooledNetwork | None = None

    @classmethod
    def build(
        cls, settings: PooledTransformerSettings, inputs: ClassifierInputs, backbone: BackboneSettings | None
    ) -> PooledTransformer:
        """Make the classifier of `settings` on `backbone`."""
        if backbone is None:
            raise ValueError("pooled_transformer needs a backbone")
        return cls(settings, backbone, inputs)

    def fit(
        self, train: Labelled, validation: Labelled, *, start: Weights | None, seeds: SeedTree
    ) -> FitReport:
        """Train with Adam from the adapted backbone or from `start`, keep the best validation loss."""
        self._made = self._fresh(seeds.child("head"))
        if start is not None:
            self.load(start)
        fitting, masks = self._settings.fitting, seeds.child("masks").generator()
        targets = _lookup(train)
        weights = self._class_weights(train)

        def step(rows: NDArray[np.int64]) -> Tensor:
            logits = self._logits(rows, masks)
            labels = torch.tensor([targets[row] for row in rows.tolist()], device=logits.device)
            # Not torch's weighted mean: its divisor depends on which utterances share a pass.
            return (cross_entropy(logits, labels, reduction="none") * weights[labels]).mean()

        return fit_network(
            self._network,
            step=step,
            epoch_batches=lambda generator: shuffled_batches(train.rows, fitting.batch_size, generator),
            validation_loss=lambda: self._loss(validation),
            optimizer=torch.optim.Adam(self._trained().values(), lr=fitting.learning_rate),
            plan=epochs_plan(len(train.rows), fitting),
            seeds=seeds,
            micro_batches=lambda rows: [rows[part] for part in self._passes(rows)],
        )

    def log_probabilities(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Natural log-probabilities of shape (len(rows), classes), in the order of `rows`."""
        logits = self._score(rows, self._network)
        return torch.from_numpy(logits).double().log_softmax(dim=1).numpy()

    def embeddings(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The mean over time that the linear layer sees, shape (len(rows), hidden)."""
        return self._score(rows, self._network.pooled)

    def weights(self) -> Weights:
        """What training changes: encoder and head, and the projection unless it is frozen."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self._trained().items()}

    def load(self, weights: Weights) -> None:
        """Take over weights returned by `weights`; the rest is the adapted backbone's.

        Raises:
            ValueError: when the names are not those that this classifier trains.
        """
        if self._made is None:
            self._made = self._fresh(SeedTree(0))
        trained = self._trained()
        if trained.keys() != weights.keys():
            raise ValueError(f"weights of another network: {sorted(trained.keys() ^ weights.keys())[:3]} ...")
        with torch.no_grad():
            for name, value in weights.items():
                trained[name].copy_(torch.from_numpy(np.array(value)))
        self._made.eval()

    @property
    def _network(self) -> PooledNetwork:
        if self._made is None:
            raise ValueError("fit or load the classifier before scoring with it")
        return self._made

    def _fresh(self, seeds: SeedTree) -> PooledNetwork:
        backbone = build(self._backbone, self._inputs.backbone)
        network = PooledNetwork(backbone, self._inputs.classes, self._settings, seeds.torch())
        return network.to(self._inputs.device)

    def _trained(self) -> dict[str, Tensor]:
        return {name: value for name, value in self._network.named_parameters() if value.requires_grad}

    def _class_weights(self, train: Labelled) -> Tensor:
        """One weight per class, their mean over the labelled utterances being 1.

        Inverse frequency counts one utterance more of every class, so that one without any has a finite
        weight (D13, D32).
        """
        counts = np.bincount(train.labels, minlength=self._inputs.classes)
        inverse = np.ones(len(counts))
        if self._settings.fitting.class_weights == "inverse_frequency":
            inverse = 1 / (counts + 1)
        scaled = inverse * counts.sum() / (inverse * counts).sum()
        return torch.tensor(scaled, dtype=torch.float32, device=self._inputs.device)

    def _loss(self, labelled: Labelled) -> float:
        scores = self.log_probabilities(labelled.rows)
        return float(-scores[np.arange(len(scores)), labelled.labels].mean())

    def _logits(self, rows: NDArray[np.int64], masks: np.random.Generator) -> Tensor:
        """Logits with SpecAugment masks drawn from `masks`."""
        features, lengths = self._padded(rows)
        time_mask, feature_mask = augmentation(
            self._lengths[rows], self._network.head.in_features, self._settings, masks
        )
        device = self._inputs.device
        return self._network(
            features,
            lengths,
            None if time_mask is None else time_mask.to(device),
            None if feature_mask is None else feature_mask.to(device),
        )

    @torch.no_grad()
    def _score(
        self, rows: NDArray[np.int64], function: Callable[[Tensor, Tensor], Tensor]
    ) -> NDArray[np.float32]:
        """`function` of every utterance, shape (len(rows), d), in evaluation mode."""
        self._network.eval()
        parts = self._passes(rows)
        scored = torch.cat([function(*self._padded(rows[part])).float().cpu() for part in parts]).numpy()
        result = np.empty_like(scored)
        result[np.concatenate(parts)] = scored
        return result

    def _passes(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Positions in `rows` that go through the network together: alike in length, capped in frames."""
        return length_batches(self._lengths[rows], max_frames=MAX_FRAMES, max_items=len(rows))

    def _padded(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Features padded with zeros to the longest, shape (len(rows), frames, width), and the lengths."""
        features, lengths = self._inputs.features, self._lengths[rows]
        padded = np.zeros((len(rows), int(lengths.max()), *features.inner), features.dtype)
        for index, row in enumerate(rows.tolist()):
            padded[index, : lengths[index]] = features[row]
        device = self._inputs.device
        return torch.from_numpy(padded).to(device).float(), torch.from_numpy(lengths).to(device)


def _lookup(labelled: Labelled) -> dict[int, int]:
    return dict(zip(labelled.rows.tolist(), labelled.labels.tolist(), strict=True))
