"""The training of an adaptation: one update after the other, and its whole state for a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from after_ray.adaptation._batches import Place, Prepared
from after_ray.adaptation._journal import Journal
from after_ray.adaptation._objective import Objective
from after_ray.adaptation.settings import Adaptation
from after_ray.store.checkpoints import Checkpoint, State
from after_ray.training.precision import kind_of, loss_scaler
from after_ray.training.state import load_training, training_arrays

FORMAT = 2  # of a checkpoint; another one is passed over


@dataclass(frozen=True)
class Before:
    """What was done of an adaptation before this process: kills it went on from, and seconds of wall time."""

    resumed: int = 0
    seconds: float = 0.0


NOTHING_BEFORE = Before()


class Training:
    """Adam on an objective, with the schedule of the learning rate.

    `started` is when this process began with the adaptation (`time.perf_counter`), labels included; `before`
    is what others did until then.

    Attributes:
        step: updates done.
        place: where the draws of the batches stand.
        resumed: how often the training went on from a checkpoint.
        seconds_before: wall time up to the checkpoint that it last went on from.
    """

    def __init__(
        self,
        objective: Objective,
        settings: Adaptation,
        device: str,
        journal: Journal,
        started: float,
        before: Before,
    ) -> None:
        self.step = 0
        self.place: Place | None = None
        self.resumed = before.resumed
        self.seconds_before = before.seconds
        self._objective = objective
        self._settings = settings
        self._device = device
        self._journal = journal
        self._started = started
        self._trained = [weight for weight in objective.parameters() if weight.requires_grad]
        self._optimizer = torch.optim.Adam(self._trained, settings.learning_rate)
        self._scaler = loss_scaler(settings.precision, device)

    def update(self, prepared: Prepared) -> None:
        """One step.

        Raises:
            DivergedTraining, CollapsedAdaptation: from the journal, also about a few steps before.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * multiplier(self.step, self._settings)
        outcome = self._objective(prepared.on(self._device), self._device)
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(outcome.terms["total"]).backward()
        self._scaler.unscale_(self._optimizer)
        norm = self._gradient_norm()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self.step, self.place = self.step + 1, prepared.place
        self._journal.write(self.step, outcome, norm, prepared)

    def _gradient_norm(self) -> Tensor:
        gradients = [weight.grad for weight in self._trained if weight.grad is not None]
        return torch.nn.utils.get_total_norm(gradients)

    def save(self, checkpoint: Checkpoint) -> None:
        """Write everything that the rest of the training depends on.

        Raises:
            DivergedTraining: rather than keep weights that are lost.
        """
        self._journal.look(self.step)
        assert self.place is not None, "nothing is saved before the first step"
        arrays = training_arrays(self._objective.state_dict().items(), self._optimizer, self._device)
        values = {
            "format": FORMAT,
            "device": kind_of(self._device),
            "step": self.step,
            "place": asdict(self.place),
            "journal": self._journal.state(),
            "scaler": self._scaler.state_dict(),
            "resumed": self.resumed,
            "seconds": self.seconds_before + time.perf_counter() - self._started,
        }
        checkpoint.save(arrays, values)

    def load(self, state: State) -> None:
        """Take over what `save` wrote; torch's default generators move, so fork them before."""
        load_training(self._objective.state_dict().items(), self._optimizer, state.arrays, self._device)
        values = state.values
        self.step, self.place = values["step"], Place(**values["place"])
        self._journal.load(values["journal"])
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(values["scaler"])
        self.resumed, self.seconds_before = values["resumed"] + 1, values["seconds"]


def fits(values: Mapping[str, Any], device: str) -> bool:
    """Whether a checkpoint with these values can be gone on from here."""
    return values.get("format") == FORMAT and values.get("device") == kind_of(device)


def multiplier(step: int, settings: Adaptation) -> float:
    """Share of the learning rate before update `step` (from 0): linear up, flat, linear down to 0.

    The warm-up never takes more than a tenth of the steps, so that short adaptations reach their rate.
    """
    warmup = min(settings.warmup_steps, settings.steps // 10)
    return trapezoid(step, steps=settings.steps, warmup=warmup, flat=settings.flat_share * settings.steps)


def trapezoid(step: int, *, steps: int, warmup: int, flat: float) -> float:
    """Linear from 0 to 1 in `warmup` steps, 1 for `flat` steps, linear down to 0 at `steps`."""
    flat_end = warmup + flat
    if step < warmup:
        return step / warmup
    if step <= flat_end:
        return 1.0
    return max(0.0, (steps - step) / (steps - flat_end))
