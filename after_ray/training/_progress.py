"""The whole state of a training in progress, written to and read from a checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from after_ray.store.checkpoints import Checkpoint
from after_ray.training._kept import KeptWeights, changing
from after_ray.training.precision import SkippedUpdates, kind_of
from after_ray.training.state import below, load_training, prefixed, tensor_views, training_arrays

FORMAT = 2  # of the state; 2: the generators it was drawn from are compared


class Progress:
    """What a training must remember to go on with the same bits: weights, optimiser, generators, the best.

    The order of an epoch is not among it: it is drawn from the seed tree by the number of the epoch.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        kept: KeptWeights,
        scaler: torch.amp.GradScaler,
        skipped: SkippedUpdates,
        generators: Mapping[str, np.random.Generator],
        checkpoint: Checkpoint,
    ) -> None:
        self.resumed = 0
        self.seconds_before = 0.0
        self._network = network
        self._device = str(next(network.parameters()).device)
        self._optimizer = optimizer
        self._kept = kept
        self._scaler = scaler
        self._skipped = skipped
        self._generators = generators
        self._checkpoint = checkpoint
        self._started = time.perf_counter()

    def save_if_due(self, update: int) -> None:
        """Write the state after `update` optimiser steps, if that was not done for a while."""
        if not self._checkpoint.due:
            return
        arrays = {
            **training_arrays(changing(self._network), self._optimizer, self._device),
            **prefixed("kept", tensor_views(self._kept.weights.items())),
        }
        self._checkpoint.save(arrays, self._values(update))

    def load(self) -> int:
        """Take over the state of a training that was killed; the optimiser steps it had taken, else 0.

        A state of another format, of the other kind of device, or of a training that drew from other
        generators is passed over: it would go on with other numbers.
        """
        state = self._checkpoint.load()
        if state is None or state.values.get("made") != self._made():
            return 0
        load_training(changing(self._network), self._optimizer, state.arrays, self._device)
        kept = below("kept", state.arrays)
        self._kept.weights = {
            name: torch.from_numpy(np.array(value)).to(self._device) for name, value in kept.items()
        }
        self._take(state.values)
        return int(state.values["update"])

    def _made(self) -> list[object]:
        """What a state must share with this training to be gone on from."""
        return [FORMAT, kind_of(self._device), sorted(self._generators)]

    def _values(self, update: int) -> dict[str, Any]:
        """Everything that is no array; losses that are infinite, for which JSON has no word, are left out."""
        losses = {"lowest": self._kept.lowest, "latest": self._kept.latest}
        return {
            "made": self._made(),
            "update": update,
            "resumed": self.resumed,
            "train_seconds": self.seconds_before + time.perf_counter() - self._started,
            "losses": {name: value for name, value in losses.items() if math.isfinite(value)},
            "failures": self._kept.failures,
            "scaler": self._scaler.state_dict(),
            "skipped": [self._skipped.count, self._skipped.in_a_row],
            "generators": {name: held.bit_generator.state for name, held in self._generators.items()},
        }

    def _take(self, values: Mapping[str, Any]) -> None:
        self.resumed = values["resumed"] + 1
        self.seconds_before = values["train_seconds"]
        self._kept.lowest = values["losses"].get("lowest", math.inf)
        self._kept.latest = values["losses"].get("latest", math.inf)
        self._kept.failures = values["failures"]
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(values["scaler"])
        self._skipped.count, self._skipped.in_a_row = values["skipped"]
        for name, state in values["generators"].items():
            self._generators[name].bit_generator.state = state
