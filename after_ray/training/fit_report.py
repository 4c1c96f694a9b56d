"""What is told of a training."""

from __future__ import annotations

from dataclasses import dataclass, field

from after_ray.training.settings import Precision


@dataclass(frozen=True)
class FitReport:
    """How a training went.

    Attributes:
        updates: optimiser steps taken (0 for a classifier solved in closed form or by a solver).
        epochs: passes over the labelled set, fractions count.
        validation_loss: of the weights that were kept, nats per utterance.
        stopped: why training ended, in one or two words: `max_epochs`, `patience`, `steps`, `solved`.
        warnings: sentences worth recording with the round.
        resumed: how often the training was killed and went on from a checkpoint.
        seconds_before: wall time up to the checkpoint that it last went on from.
        precision: of the passes through the network.
        skipped: updates that fp16 left out because a gradient overflowed.
        compiled: whether the network was compiled.
    """

    updates: int
    epochs: float
    validation_loss: float
    stopped: str
    warnings: tuple[str, ...] = field(default=())
    resumed: int = 0
    seconds_before: float = 0.0
    precision: Precision = "fp32"
    skipped: int = 0
    compiled: bool = False
