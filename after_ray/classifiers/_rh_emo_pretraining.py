"""How the encoder of RH-emo is pretrained: to give spectrograms back, then to tell emotions as well."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.classifiers._batch_norm import recompute_statistics
from after_ray.classifiers._pretraining import Pretrained, PretrainingInputs, Shown
from after_ray.classifiers._rh_emo_network import (
    HEAD_CLASSES,
    Autoencoder,
    Encoder,
    Reading,
    emotion_loss,
    network_input,
    reconstruction_loss,
)
from after_ray.classifiers._settings.rh_emo import EmotionSettings, ReconstructionSettings
from after_ray.classifiers._spectral_classifier import (
    MOST_FOR_STATISTICS,
    SCORING_BATCH,
    Pieces,
    even_batches,
)
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import Checkpoint
from after_ray.tensors import load_tensors, tensor_arrays
from after_ray.training.fit import FitPlan, fit_network
from after_ray.weights import Weights

Rows = NDArray[np.int64]
MAXIMUM = "maximum"  # of the magnitudes of train, beside the weights that saw them divided by it
KEPT = ("encoder.", "decoder.")  # heads, nearly all of the parameters, are of no further use


class RhEmoPretraining:
    """One of the two steps.

    The weights with the lowest validation loss are kept. Batch-norm statistics are those of train, taken anew
    before every evaluation, as in every training here. No corpus tells valence, arousal
    and dominance yet, so there are no heads for these.

    Args:
        step: which of the two.
        inputs: what it may see.
        seeds: of new weights, orders and dropout.
    """

    def __init__(
        self, step: ReconstructionSettings | EmotionSettings, inputs: PretrainingInputs, seeds: SeedTree
    ) -> None:
        self._step, self._inputs, self._seeds = step, inputs, seeds
        self._train, self._validation = (
            Pieces.of(shown.rows, inputs.features.lengths[shown.rows])
            for shown in (inputs.train, inputs.validation)
        )
        self._network = self._drawn().to(inputs.device)

    def run(self, checkpoint: Checkpoint) -> Pretrained:
        """Train, and hand over encoder, decoder and the maximum of train."""
        step, network = self._step, self._network
        updates, count = step.updates(len(self._train.rows)), len(self._train.rows)
        optimizer = torch.optim.Adam(
            network.parameters(), lr=step.learning_rate, weight_decay=step.weight_decay
        )
        report = fit_network(
            network,
            step=lambda chosen: self._loss(self._train.at(chosen), self._inputs.train),
            epoch_batches=lambda generator: even_batches(np.arange(count), step.batch_size, generator),
            validation_loss=lambda: sum(self._losses().values()),
            optimizer=optimizer,
            plan=FitPlan(updates, math.ceil(updates / step.evaluations), step.patience),
            seeds=self._seeds,
            before_evaluation=self._recompute_statistics,
            checkpoint=checkpoint,
        )
        measures = {f"validation_{name}": loss for name, loss in self._losses().items()}
        weights = {MAXIMUM: np.array(self._maximum), **tensor_arrays(_kept(network))}
        return Pretrained(weights, report, {MAXIMUM: self._maximum, "pieces": count, **measures})

    @cached_property
    def _maximum(self) -> float:
        """The loudest place of train; a later step divides by that of the first."""
        if self._inputs.previous is not None:
            return float(self._inputs.previous[MAXIMUM])
        return max(float(self._inputs.features[row].max()) for row in self._inputs.train.rows.tolist())

    def _drawn(self) -> Autoencoder:
        """Newly drawn, but for what the step before has learned."""
        generator, step = self._seeds.child("weights").torch(), self._step
        if isinstance(step, EmotionSettings):
            classes = max(HEAD_CLASSES, self._inputs.classes + 1)  # the last is any other emotion
            network = Autoencoder(generator, classes, width=step.head_width, share=step.head_dropout)
        else:
            network = Autoencoder(generator)
        if self._inputs.previous is not None:
            learned = {name: value for name, value in self._inputs.previous.items() if name != MAXIMUM}
            load_tensors(_kept(network), learned)
        return network

    def _loss(self, pieces: Pieces, shown: Shown) -> Tensor:
        return torch.stack(list(self._terms(pieces, shown).values())).sum()

    def _terms(self, pieces: Pieces, shown: Shown) -> dict[str, Tensor]:
        """The terms of the loss of some pieces, each with its weight, by name."""
        inputs = self._inputs_of(pieces)
        reading: Reading = self._network(inputs)
        terms = {"reconstruction": reconstruction_loss(reading.spectrograms, inputs)}
        if isinstance(self._step, EmotionSettings):
            assert shown.labels is not None
            labels = torch.from_numpy(shown.labels[np.searchsorted(shown.rows, pieces.rows)])
            loss = emotion_loss(reading, labels.to(inputs.device))
            terms["emotion"] = self._step.emotion_weight * loss
        return terms

    @torch.no_grad()
    def _losses(self) -> dict[str, float]:
        """Means of the terms over the pieces of validation, in evaluation mode."""
        pieces, totals = self._validation, dict[str, float]()
        for first in range(0, len(pieces.rows), SCORING_BATCH):
            part = pieces.at(slice(first, first + SCORING_BATCH))
            for name, term in self._terms(part, self._inputs.validation).items():
                totals[name] = totals.get(name, 0.0) + len(part.rows) * term.item()
        return {name: total / len(pieces.rows) for name, total in totals.items()}

    def _recompute_statistics(self) -> None:
        network = self._network
        recompute_statistics(
            network, self._batches(), lambda inputs: network.decoder(network.encoder(inputs))
        )

    def _batches(self) -> Iterator[Tensor]:
        """Train, or as much as is enough, in batches from all over it: neighbours share their speaker."""
        few = self._train.at(slice(None, None, math.ceil(len(self._train.rows) / MOST_FOR_STATISTICS)))
        parts = math.ceil(len(few.rows) / SCORING_BATCH)
        return (self._inputs_of(few.at(slice(first, None, parts))) for first in range(parts))

    def _inputs_of(self, pieces: Pieces) -> Tensor:
        stored = torch.from_numpy(pieces.read(self._inputs.features)).to(self._inputs.device)
        return network_input(stored.float(), self._maximum)


def pretrained_encoder(weights: Weights, device: str) -> tuple[Encoder, float]:
    """The encoder of a pretraining, frozen and in evaluation mode, and the maximum that it divides by."""
    encoder = Encoder(SeedTree(0).torch())
    named = {f"encoder.{name}": value for name, value in encoder.state_dict().items()}
    load_tensors(named.items(), {name: weights[name] for name in named})
    return encoder.to(device).eval().requires_grad_(False), float(weights[MAXIMUM])


def _kept(network: Autoencoder) -> list[tuple[str, Tensor]]:
    return [(name, value) for name, value in network.state_dict().items() if name.startswith(KEPT)]
