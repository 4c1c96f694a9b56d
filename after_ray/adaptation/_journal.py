"""What happened in an adaptation, step by step: it stops a failing one and keeps a history of the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.adaptation._batches import Prepared
from after_ray.adaptation._objective import Objective, Outcome
from after_ray.adaptation.objectives import Codes, information
from after_ray.adaptation.settings import Adaptation
from after_ray.errors import CollapsedAdaptation, DivergedTraining
from after_ray.training.precision import MOST_SKIPPED

HISTORY_POINTS = 50
ENOUGH_FRAMES = 1_000  # to judge codes by; a few clips that are alike may well have one code
LOOK_EVERY = 10  # steps; asking a GPU for numbers makes the host wait for it

Progress = Callable[[int, int, dict[str, float]], None]


class _Step(NamedTuple):
    """The terms, gradient norm, entropy and shares of the codes of a step in one row; groups, frames."""

    row: Tensor
    groups: int
    frames: int


@dataclass
class CodeUse:
    """How codes were given to the frames of a stretch, and of those before it until they are enough.

    Sums are taken in the order of the steps, whenever the journal looks.
    """

    groups: int = 1
    frames: int = 0
    sums: list[float] = field(default_factory=list)  # the entropy, then the shares of all codewords

    def add(self, means: NDArray[np.float64], groups: int, frames: int) -> None:
        """Take in a batch: its mean entropy and shares, in one row."""
        before = np.array(self.sums) if self.sums else 0.0
        self.groups, self.frames = groups, self.frames + frames
        self.sums = (before + means * frames).tolist()

    def information(self) -> float:
        """Nats that a code says about its frame."""
        means = torch.tensor(self.sums, dtype=torch.float64) / self.frames
        return information(Codes(means[1:].view(self.groups, -1), means[0])).item()


class Journal:
    """Means of about fifty stretches of an adaptation, and the judgement of each.

    Args:
        settings: number of steps, precision.
        objective: names of its terms, and what to do where it collapses.
        progress: called at the end of each stretch with the step, all steps, and the newest point.
    """

    def __init__(self, settings: Adaptation, objective: Objective, progress: Progress | None) -> None:
        self.history: list[dict[str, float]] = []
        self._steps = settings.steps
        self._every = math.ceil(settings.steps / HISTORY_POINTS)
        self._objective = objective
        self._terms = objective.TERMS
        self._skipping = settings.precision == "fp16"
        self._progress = progress
        self._unseen: list[_Step] = []  # the newest steps, whose numbers are still on the device
        self._stretch: list[list[float]] = []  # the terms of every step of the stretch
        self._norms: list[float] = []  # of those that were not left out
        self._shares: list[float] = []
        self._codes = CodeUse()
        self._seen = {"audio_seconds": 0.0, "masked_frames": 0, "skipped_steps": 0}
        self._skipped_in_a_row = 0

    def write(self, step: int, outcome: Outcome, norm: Tensor, batch: Prepared) -> None:
        """Take note of step `step`, from 1: what it gave, its gradient norm, its batch.

        Raises:
            DivergedTraining: when a loss or gradient of this step or of a few before it is not finite.
            CollapsedAdaptation: when a stretch ends in which the codes of enough frames said nothing.
        """
        numbers = [*(outcome.terms[name].detach() for name in self._terms), norm, outcome.codes.entropy]
        row = torch.cat([torch.stack(numbers).float(), outcome.codes.shares.flatten()])
        self._unseen.append(_Step(row, len(outcome.codes.shares), batch.masked_frames))
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
        rows = torch.stack([seen.row for seen in self._unseen]).double().cpu().numpy()
        steps, self._unseen = self._unseen, []
        count = len(self._terms)
        for number, (row, seen) in enumerate(zip(rows, steps, strict=True), start=step - len(rows) + 1):
            self._take_terms(number, row[:count].tolist())
            self._take_norm(number, float(row[count]))
            self._codes.add(row[count + 1 :], seen.groups, seen.frames)

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
        point["information"] = self._codes.information()
        if self._codes.frames >= ENOUGH_FRAMES:
            self._judge(step, point["information"], point["perplexity"])
            self._codes = CodeUse()
        if self._norms:
            point |= {"gradient_norm": float(np.mean(self._norms)), "gradient_norm_max": max(self._norms)}
        point["masked_share"] = float(np.mean(self._shares))
        self._stretch, self._norms, self._shares = [], [], []
        self.history.append({"step": step, **point})
        if self._progress is not None:
            self._progress(step, self._steps, self.history[-1])

    def _judge(self, step: int, information: float, perplexity: float) -> None:
        most = max((point["information"] for point in self.history), default=0.0)
        if self._objective.collapsed(step, information, most):
            least, remedy = self._objective.LEAST_INFORMATION, self._objective.REMEDY
            raise CollapsedAdaptation(step, information, least, perplexity, remedy)

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
            "codes": asdict(self._codes),
            "seen": self._seen,
            "skipped_in_a_row": self._skipped_in_a_row,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.history, self._stretch = list(state["history"]), list(state["stretch"])
        self._norms, self._shares = list(state["norms"]), list(state["shares"])
        self._codes, self._seen = CodeUse(**state["codes"]), dict(state["seen"])
        self._skipped_in_a_row = state["skipped_in_a_row"]
