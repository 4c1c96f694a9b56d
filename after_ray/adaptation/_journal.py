"""What happened in an adaptation, step by step: it stops a failing one and keeps a history of the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from after_ray.adaptation._batches import Prepared
from after_ray.adaptation._objective import Objective
from after_ray.adaptation.settings import TaptSettings
from after_ray.errors import CollapsedAdaptation, DivergedTraining

HISTORY_POINTS = 50
LOOK_EVERY = 10  # steps; asking a GPU for numbers makes the host wait for it
MOST_SKIPPED = 20  # in a row; fp16's scale starts at 2**16 and is halved by each, so that 1 is long passed

Progress = Callable[[int, int, dict[str, float]], None]


class Journal:
    """Means of about fifty stretches of an adaptation, and the judgement of each.

    Args:
        settings: number of steps, precision.
        objective: names of its terms, and what to do where it collapses.
        progress: called at the end of each stretch with the step, all steps, and the newest point.
    """

    def __init__(self, settings: TaptSettings, objective: Objective, progress: Progress | None) -> None:
        self.history: list[dict[str, float]] = []
        self._steps = settings.steps
        self._every = math.ceil(settings.steps / HISTORY_POINTS)
        self._objective = objective
        self._terms = objective.TERMS
        self._skipping = settings.precision == "fp16"
        self._progress = progress
        self._unseen: list[Tensor] = []  # numbers of the newest steps, still on the device
        self._stretch: list[list[float]] = []  # the terms of every step of the stretch
        self._norms: list[float] = []  # of those that were not left out
        self._shares: list[float] = []
        self._seen = {"audio_seconds": 0.0, "masked_frames": 0, "skipped_steps": 0}
        self._skipped_in_a_row = 0

    def write(self, step: int, terms: Mapping[str, Tensor], norm: Tensor, batch: Prepared) -> None:
        """Take note of step `step`, from 1: its terms, its gradient norm, its batch.

        Raises:
            DivergedTraining: when a loss or gradient of this step or of a few before it is not finite.
            CollapsedAdaptation: when a stretch ends in which the targets said nothing.
        """
        values = [terms[name] for name in self._terms]
        self._unseen.append(torch.stack([value.detach().float() for value in (*values, norm)]))
        self._shares.append(batch.masked_share)
        self._seen["audio_seconds"] += batch.audio_seconds
        self._seen["masked_frames"] += batch.masked_frames
        ends = step % self._every == 0 or step == self._steps
        if ends or step % LOOK_EVERY == 0:
            self.look(step)
        if ends:
            self._close(step)

    def look(self, step: int) -> None:
        """Fetch the numbers up to `step` from the device and refuse what is not finite; before any saving."""
        if not self._unseen:
            return
        found: list[list[float]] = torch.stack(self._unseen).tolist()
        self._unseen = []
        for number, (*terms, norm) in enumerate(found, start=step - len(found) + 1):
            self._take_terms(number, terms)
            self._take_norm(number, norm)

    def _take_terms(self, step: int, values: list[float]) -> None:
        for name, value in zip(self._terms, values, strict=True):
            if not math.isfinite(value):
                what = "adaptation loss" if name == "total" else f"term '{name}' of the adaptation loss"
                raise self._diverged(what, value, step)
        self._stretch.append(values)

    def _take_norm(self, step: int, norm: float) -> None:
        if math.isfinite(norm):
            self._norms.append(norm)
            self._skipped_in_a_row = 0
            return
        self._seen["skipped_steps"] += 1
        self._skipped_in_a_row += 1
        if not self._skipping or self._skipped_in_a_row > MOST_SKIPPED:
            raise self._diverged("gradient norm of the adaptation", norm, step)

    def _diverged(self, what: str, value: float, step: int) -> DivergedTraining:
        narrow = ", or choose adaptation.precision bf16 or fp32" if self._skipping else ""
        return DivergedTraining(what, value, step, f"Lower adaptation.learning_rate{narrow}")

    def _close(self, step: int) -> None:
        """End a stretch: judge it, and put its means into the history."""
        point = dict(zip(self._terms, np.mean(self._stretch, axis=0).tolist(), strict=True))
        self._judge(step, point["information"], point["perplexity"])
        if self._norms:
            point |= {"gradient_norm": float(np.mean(self._norms)), "gradient_norm_max": max(self._norms)}
        point["masked_share"] = float(np.mean(self._shares))
        self._stretch, self._norms, self._shares = [], [], []
        self.history.append({"step": step, **point})
        if self._progress is not None:
            self._progress(step, self._steps, self.history[-1])

    def _judge(self, step: int, information: float, perplexity: float) -> None:
        least = self._objective.LEAST_INFORMATION
        if step >= self._objective.JUDGED_FROM and information < least:
            raise CollapsedAdaptation(step, information, least, perplexity, self._objective.REMEDY)

    def measures(self) -> dict[str, float]:
        """The last stretch, and in all: steps, seconds of audio, masked frames, steps left out."""
        last = {name: value for name, value in self.history[-1].items() if name != "step"}
        return {**last, "steps": self._steps, **self._seen}

    def state(self) -> dict[str, Any]:
        """Everything noted so far as JSON values; every number must have been looked at."""
        return {
            "history": self.history,
            "stretch": self._stretch,
            "norms": self._norms,
            "shares": self._shares,
            "seen": self._seen,
            "skipped_in_a_row": self._skipped_in_a_row,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.history, self._stretch = list(state["history"]), list(state["stretch"])
        self._norms, self._shares = list(state["norms"]), list(state["shares"])
        self._seen = dict(state["seen"])
        self._skipped_in_a_row = state["skipped_in_a_row"]
