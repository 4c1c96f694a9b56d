"""The training loop of every torch network: optimiser steps, early stopping, best weights kept.

What is trained and how a batch becomes a loss is the caller's; when to evaluate, when to stop and which
weights win is decided here, once, for all networks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from after_ray.errors import DivergedTraining, TooFewUtterances
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import NO_CHECKPOINT, Checkpoint
from after_ray.training._kept import KeptWeights
from after_ray.training._progress import Progress
from after_ray.training.fit_report import FitReport
from after_ray.training.precision import SkippedUpdates, loss_scaler
from after_ray.training.settings import FittingSettings, Precision

Rows: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class FitPlan:
    """How long to train and how often to look.

    Attributes:
        max_updates: optimiser steps at most.
        evaluate_every: optimiser steps between two evaluations; the last step is always evaluated.
        patience: evaluations without improvement after which training stops; 0 never stops early.
        limit: what a report says when `max_updates` ended the training, `steps` or `max_epochs`.
        keep: the weights that win: of the lowest validation loss, or the last ones.
    """

    max_updates: int
    evaluate_every: int
    patience: int = 0
    limit: str = "steps"
    keep: Literal["best", "last"] = "best"


def epochs_plan(train_size: int, settings: FittingSettings) -> FitPlan:
    """The plan of a fine-tuning of `max_epochs` epochs, extended to at least `min_updates` steps.

    A round of few labels has one step per epoch, and few steps are no training. There
    are never more than `evaluations_per_epoch * max_epochs` evaluations, however far it is extended.
    """
    whole, rest = divmod(train_size, settings.batch_size)
    steps_per_epoch = whole if settings.drop_last or not rest else whole + 1
    if steps_per_epoch == 0:
        what = f"'drop_last' leaves no batch of {settings.batch_size}; lower batch_size or label more"
        raise TooFewUtterances(what, train_size, settings.batch_size)
    max_updates = max(settings.max_epochs * steps_per_epoch, settings.min_updates)
    evaluations = settings.max_epochs * settings.evaluations_per_epoch
    return FitPlan(
        max_updates, math.ceil(max_updates / evaluations), settings.patience, "max_epochs", settings.keep
    )


def in_batches(rows: Rows, batch_size: int, *, drop_last: bool = False) -> list[Rows]:
    """`rows` as they come, `batch_size` per optimiser step; the last, smaller step may be dropped."""
    end = len(rows) // batch_size * batch_size if drop_last else len(rows)
    return [rows[first : min(first + batch_size, end)] for first in range(0, end, batch_size)]


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
    generators: Mapping[str, np.random.Generator] | None = None,
    precision: Precision = "fp32",
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> FitReport:
    """Train `network` and leave it in evaluation mode with the weights that win.

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
        generators: what `step` draws from, by name; their state is part of a checkpoint.
        precision: of the passes in `step`; the losses of fp16 are scaled before their gradients are taken.
        checkpoint: where the state is kept while the training lasts. A training that goes on from there ends
            with the bits of one that was never stopped.

    Raises:
        DivergedTraining: when a training or validation loss is not finite, or fp16's gradients never are.
    """
    device = next(network.parameters()).device.type
    kept, scaler = KeptWeights(network, plan.patience, plan.keep), loss_scaler(precision, device)
    skipped = SkippedUpdates()
    progress = Progress(network, optimizer, kept, scaler, skipped, generators or {}, checkpoint)
    with seeded_dropout(network, seeds.child("dropout")):
        updates = progress.load()
        for turn in itertools.islice(_turns(epoch_batches, seeds), updates, None):
            if on_step is not None:
                on_step(turn.update - 1)
            network.train()
            parts = micro_batches(turn.rows) if micro_batches else [turn.rows]
            _update(optimizer, scaler, skipped, step, parts, turn)
            last = turn.update == plan.max_updates
            if last or turn.update % plan.evaluate_every == 0:
                kept.see(_evaluate(network, validation_loss, before_evaluation, turn.update))
            if last or kept.out_of_patience:
                break
            progress.save_if_due(turn.update)
    kept.restore()
    network.eval()
    return FitReport(
        turn.update,
        turn.epochs,
        kept.loss,
        plan.limit if last else "patience",
        resumed=progress.resumed,
        seconds_before=progress.seconds_before,
        precision=precision,
        skipped=skipped.count,
    )


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
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    skipped: SkippedUpdates,
    step: Callable[[Rows], Tensor],
    parts: Sequence[Rows],
    turn: _Turn,
) -> None:
    """One optimiser step on the mean loss over all rows of `parts`; fp16 may leave it out."""
    optimizer.zero_grad(set_to_none=True)
    losses: list[Tensor] = []
    for part in parts:
        loss = step(part) * (len(part) / len(turn.rows))
        scaler.scale(loss).backward()
        losses.append(loss.detach())
    total = torch.stack(losses).sum().item()  # once per step: asking a GPU for a number makes it wait
    if not math.isfinite(total):
        raise DivergedTraining("training loss", total, turn.update)
    scaler.step(optimizer)
    skipped.see(scaler, turn.update)


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
    seed = seeds.integer()
    with torch.random.fork_rng(devices=sorted(devices)):
        # Not torch.manual_seed, which would reseed the generators of every other GPU as well.
        torch.default_generator.manual_seed(seed)
        for device in devices:
            torch.cuda.default_generators[device].manual_seed(seed)
        yield
