"""The training loop of every torch network: optimiser steps, early stopping, best weights kept.

What is trained and how a batch becomes a loss is the caller's; when to evaluate, when to stop and which
weights win is decided here, once, for all networks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from after_ray.classifiers._base import FitReport
from after_ray.errors import DivergedTraining
from after_ray.learning.settings import FittingSettings
from after_ray.seeds import SeedTree

Rows: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class FitPlan:
    """How long to train and how often to look.

    Attributes:
        max_updates: optimiser steps at most.
        evaluate_every: optimiser steps between two evaluations; the last step is always evaluated.
        patience: evaluations without improvement after which training stops; 0 never stops early.
        limit: what a report says when `max_updates` ended the training, `steps` or `max_epochs`.
    """

    max_updates: int
    evaluate_every: int
    patience: int = 0
    limit: str = "steps"


def epochs_plan(train_size: int, settings: FittingSettings) -> FitPlan:
    """The plan of a fine-tuning of `max_epochs` epochs, extended to at least `min_updates` steps.

    A round of few labels has one step per epoch, and few steps are no training (protocol ruling 7). There
    are never more than `evaluations_per_epoch * max_epochs` evaluations, however far it is extended.
    """
    steps_per_epoch = math.ceil(train_size / settings.batch_size)
    max_updates = max(settings.max_epochs * steps_per_epoch, settings.min_updates)
    evaluations = settings.max_epochs * settings.evaluations_per_epoch
    return FitPlan(max_updates, math.ceil(max_updates / evaluations), settings.patience, "max_epochs")


def shuffled_batches(rows: Rows, batch_size: int, generator: np.random.Generator) -> list[Rows]:
    """One epoch: `rows` in random order, `batch_size` per optimiser step, the last step may be smaller."""
    order = generator.permutation(rows)
    return [order[first : first + batch_size] for first in range(0, len(order), batch_size)]


def fit_network(
    network: nn.Module,
    *,
    step: Callable[[Rows], Tensor],
    epoch_batches: Callable[[np.random.Generator], Sequence[Rows]],
    validation_loss: Callable[[], float],
    optimizer: torch.optim.Optimizer,
    plan: FitPlan,
    seeds: SeedTree,
    on_step: Callable[[int], None] | None = None,
    before_evaluation: Callable[[], None] | None = None,
    micro_batches: Callable[[Rows], Sequence[Rows]] | None = None,
) -> FitReport:
    """Train `network` and leave it in evaluation mode with the weights of the lowest validation loss.

    Args:
        network: what is trained; only parameters that require gradients, and buffers, are kept and restored.
        step: mean loss, over the given rows, of the network in training mode.
        epoch_batches: the rows of every optimiser step of one epoch, drawn with the given generator.
        validation_loss: mean loss per validation utterance; called in evaluation mode without gradients.
        optimizer: over the parameters of `network`.
        plan: how long to train and how often to evaluate.
        seeds: orders of epochs and dropout; torch's default generator is left as it was found.
        on_step: called before each optimiser step with the number of steps already taken.
        before_evaluation: called before each evaluation, for batch-norm statistics; may change modes.
        micro_batches: splits the rows of one step so that each part fits in memory; gradients are
            accumulated, and the loss stays the mean over all rows of the step.

    Raises:
        DivergedTraining: when a training or validation loss is not finite.
    """
    best = _Best(network, plan.patience)
    with seeded_dropout(network, seeds.child("dropout")):
        for turn in _turns(epoch_batches, seeds):
            if on_step is not None:
                on_step(turn.update - 1)
            network.train()
            _update(optimizer, step, micro_batches(turn.rows) if micro_batches else [turn.rows], turn.update)
            last = turn.update == plan.max_updates
            if last or turn.update % plan.evaluate_every == 0:
                best.see(_evaluate(network, validation_loss, before_evaluation, turn.update))
            if last or best.out_of_patience:
                break
    best.restore()
    network.eval()
    return FitReport(turn.update, turn.epochs, best.loss, plan.limit if last else "patience")


class _Turn(NamedTuple):
    """One optimiser step: its number from 1, its rows, and the epochs passed when it is done."""

    update: int
    rows: Rows
    epochs: float


def _turns(
    epoch_batches: Callable[[np.random.Generator], Sequence[Rows]], seeds: SeedTree
) -> Iterator[_Turn]:
    """One optimiser step after the other, without end; every epoch has its own order."""
    updates = 0
    for epoch in itertools.count():
        batches = epoch_batches(seeds.child("epoch", epoch).generator())
        if not batches:
            raise ValueError("an epoch without batches: nothing is labelled")
        for index, rows in enumerate(batches, start=1):
            updates += 1
            yield _Turn(updates, rows, epoch + index / len(batches))


def _update(
    optimizer: torch.optim.Optimizer, step: Callable[[Rows], Tensor], parts: Sequence[Rows], updates: int
) -> None:
    """One optimiser step on the mean loss over all rows of `parts`."""
    optimizer.zero_grad(set_to_none=True)
    total, loss_sum = sum(len(part) for part in parts), 0.0
    for part in parts:
        loss = step(part) * (len(part) / total)
        loss.backward()
        loss_sum += loss.item()
    if not math.isfinite(loss_sum):
        raise DivergedTraining("training loss", loss_sum, updates)
    optimizer.step()


@torch.no_grad()
def _evaluate(
    network: nn.Module,
    validation_loss: Callable[[], float],
    before_evaluation: Callable[[], None] | None,
    updates: int,
) -> float:
    if before_evaluation is not None:
        before_evaluation()
    network.eval()
    loss = validation_loss()
    if not math.isfinite(loss):
        raise DivergedTraining("validation loss", loss, updates)
    return loss


@contextmanager
def seeded_dropout(network: nn.Module, seeds: SeedTree) -> Iterator[None]:
    """Context in which dropout draws from `seeds`; torch's default generators are restored afterwards.

    Dropout cannot be given a generator: it draws from the default one of the network's device.
    """
    devices = {p.device.index or 0 for p in network.parameters() if p.device.type == "cuda"}
    with torch.random.fork_rng(devices=sorted(devices)):
        torch.manual_seed(seeds.integer())
        yield


class _Best:
    """The weights with the lowest validation loss so far; of equal losses the first."""

    def __init__(self, network: nn.Module, patience: int) -> None:
        self.loss = math.inf
        self._network = network
        self._patience = patience
        self._failures = 0
        self._kept: dict[str, Tensor] = {}

    def see(self, loss: float) -> None:
        """Keep the network's weights if `loss` is the lowest yet."""
        if loss < self.loss:
            self.loss, self._failures = loss, 0
            self._kept = {name: value.detach().clone() for name, value in self._changing()}
        else:
            self._failures += 1

    @property
    def out_of_patience(self) -> bool:
        """Whether `patience` evaluations in a row brought nothing."""
        return 0 < self._patience <= self._failures

    @torch.no_grad()
    def restore(self) -> None:
        """Put the best weights back."""
        for name, value in self._changing():
            value.copy_(self._kept[name])

    def _changing(self) -> Iterator[tuple[str, Tensor]]:
        """Every tensor that training may change: trained parameters and buffers."""
        yield from ((n, p) for n, p in self._network.named_parameters() if p.requires_grad)
        yield from self._network.named_buffers()
