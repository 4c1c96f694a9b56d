"""Light-SERNet: a small convolutional network on cepstral coefficients (Aftab et al., ICASSP 2022)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._base import (
    Classifier,
    ClassifierInputs,
    FitReport,
    Labelled,
    Weights,
    classifiers,
)
from after_ray.classifiers._batch_norm import recompute_statistics
from after_ray.classifiers._light_network import LightNetwork, focal_loss
from after_ray.classifiers._settings import LightSerNetSettings
from after_ray.errors import BadValue
from after_ray.learning.fit import FitPlan, fit_network
from after_ray.seeds import SeedTree

Rows = NDArray[np.int64]
Precision = Literal["float32", "bfloat16"]

L2 = 1e-6
SCORING_BATCH = 64
# The published schedule in epochs; ours are optimiser steps, the drops at the same shares of the whole.
PUBLISHED_EPOCHS = 300
EPOCHS_PER_DROP = 20
EPOCHS_WITHOUT_DROP = 50  # 50 is no multiple of 20: the first drop is at 60
DROP = math.exp(-0.15)


@classifiers.register("light_sernet")
class LightSerNet(Classifier):
    """The published network, losses and schedule, with batch-norm statistics of the whole labelled set.

    Those statistics are taken anew before every evaluation and are kept with the weights; the moving average
    of the original leaves small labelled sets at chance (protocol ruling 7). Weights are chosen by the
    validation cross-entropy, whichever loss is trained on.

    `precision`: `bfloat16` runs training steps, and nothing else, in that format. It doubles the speed of
    processors that have it and changes every bit, so it is for those who build the classifier themselves.
    """

    def __init__(
        self, settings: LightSerNetSettings, inputs: ClassifierInputs, precision: Precision = "float32"
    ) -> None:
        if precision == "bfloat16" and not has_bfloat16(inputs.device):
            raise BadValue("precision", precision, f"float32 on this {inputs.device}, which has no bfloat16")
        self._settings = settings
        self._inputs = inputs
        self._precision = precision
        self._made: LightNetwork | None = None

    @classmethod
    def build(
        cls, settings: LightSerNetSettings, inputs: ClassifierInputs, backbone: BackboneSettings | None
    ) -> LightSerNet:
        """Make the classifier of `settings`; it has no backbone."""
        return cls(settings, inputs)

    def fit(
        self, train: Labelled, validation: Labelled, *, start: Weights | None, seeds: SeedTree
    ) -> FitReport:
        """Train for `steps` updates from random weights or from `start`, keep the best validation loss."""
        settings = self._settings
        self._made = self._fresh(seeds.child("weights"))
        if start is not None:
            self.load(start)
        optimizer = torch.optim.Adam(self._network.parameters(), lr=settings.learning_rate)

        def set_rate(steps_taken: int) -> None:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(steps_taken, settings)

        return fit_network(
            self._network,
            step=self._loss_of(train),
            epoch_batches=lambda generator: even_batches(train.rows, settings.batch_size, generator),
            validation_loss=lambda: self._validation_loss(validation),
            optimizer=optimizer,
            plan=FitPlan(settings.steps, math.ceil(settings.steps / settings.evaluations)),
            seeds=seeds,
            on_step=set_rate,
            before_evaluation=lambda: self._recompute_statistics(train.rows),
        )

    def log_probabilities(self, rows: Rows) -> NDArray[np.float64]:
        """Natural log-probabilities of shape (len(rows), classes), in the order of `rows`."""
        logits = self._score(rows, self._network)
        return torch.from_numpy(logits).double().log_softmax(dim=1).numpy()

    def embeddings(self, rows: Rows) -> NDArray[np.float32]:
        """The global mean that the linear layer sees, shape (len(rows), 320)."""
        return self._score(rows, self._network.embed)

    def weights(self) -> Weights:
        """Parameters and batch-norm statistics."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self._state().items()}

    def load(self, weights: Weights) -> None:
        """Take over weights returned by `weights`.

        Raises:
            ValueError: when the names are not those of this network.
        """
        if self._made is None:
            self._made = self._fresh(SeedTree(0))
        state = self._state()
        if state.keys() != weights.keys():
            raise ValueError(f"weights of another network: {sorted(state.keys() ^ weights.keys())[:3]} ...")
        with torch.no_grad():
            for name, value in weights.items():
                state[name].copy_(torch.from_numpy(np.array(value)))
        self._made.eval()

    @property
    def _network(self) -> LightNetwork:
        if self._made is None:
            raise ValueError("fit or load the classifier before scoring with it")
        return self._made

    def _fresh(self, seeds: SeedTree) -> LightNetwork:
        network = LightNetwork(self._inputs.classes, self._settings.dropout, seeds.torch())
        return network.to(self._inputs.device)

    def _state(self) -> dict[str, Tensor]:
        return self._network.state_dict()

    def _loss_of(self, train: Labelled) -> Callable[[Rows], Tensor]:
        """The training loss of rows of `train`: cross-entropy or focal loss, and the L2 penalty."""
        targets = dict(zip(train.rows.tolist(), train.labels.tolist(), strict=True))
        gamma = self._settings.focal_gamma if self._settings.loss == "focal" else 0.0

        def loss(rows: Rows) -> Tensor:
            labels = torch.tensor([targets[row] for row in rows.tolist()], device=self._inputs.device)
            with torch.autocast(_kind(self._inputs.device), torch.bfloat16, self._precision == "bfloat16"):
                logits = self._network(self._cepstra(rows))
            return focal_loss(logits.float(), labels, gamma) + L2 * self._network.penalty()

        return loss

    def _validation_loss(self, validation: Labelled) -> float:
        scores = self.log_probabilities(validation.rows)
        return float(-scores[np.arange(len(scores)), validation.labels].mean())

    def _recompute_statistics(self, rows: Rows) -> None:
        # Neighbouring rows share their speaker: every batch takes rows from all over the labelled set.
        parts = math.ceil(len(rows) / SCORING_BATCH)
        batches = (self._cepstra(rows[first::parts]) for first in range(parts))
        recompute_statistics(self._network, batches, self._network)

    @torch.no_grad()
    def _score(self, rows: Rows, function: Callable[[Tensor], Tensor]) -> NDArray[np.float32]:
        """`function` of every utterance, shape (len(rows), d), in evaluation mode."""
        self._network.eval()
        parts = [rows[first : first + SCORING_BATCH] for first in range(0, len(rows), SCORING_BATCH)]
        return torch.cat([function(self._cepstra(part)).cpu() for part in parts]).numpy()

    def _cepstra(self, rows: Rows) -> Tensor:
        """Inputs of shape (len(rows), frames, 40)."""
        features = np.stack([self._inputs.features[row] for row in rows.tolist()])
        return torch.from_numpy(features).to(self._inputs.device)


def learning_rate(steps_taken: int, settings: LightSerNetSettings) -> float:
    """Learning rate of the step after `steps_taken`: times e^-0.15 at 60, 80 ... 280 of 300 epochs."""
    epoch = PUBLISHED_EPOCHS * steps_taken // settings.steps
    drops = max(0, epoch // EPOCHS_PER_DROP - EPOCHS_WITHOUT_DROP // EPOCHS_PER_DROP)
    return settings.learning_rate * DROP**drops


def even_batches(rows: Rows, batch_size: int, generator: np.random.Generator) -> list[Rows]:
    """One epoch: `rows` in random order, in as few batches as `batch_size` allows, sizes differing by one.

    A short last batch would be normalised by the statistics of very few utterances.
    """
    return np.array_split(generator.permutation(rows), math.ceil(len(rows) / batch_size))


def has_bfloat16(device: str) -> bool:
    """Whether the device computes in bfloat16 rather than imitating it."""
    if _kind(device) == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def _kind(device: str) -> str:
    """`cpu` or `cuda` of a torch device name such as `cuda:0`."""
    return torch.device(device).type
