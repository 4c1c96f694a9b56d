"""Budgets: hours and GPU-hours that a launch may take; it then ends in order, between two rounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from after_ray.errors import AfterRayError

HOUR = 3600.0


class NoGpuToCount(AfterRayError):
    """A limit on GPU-hours for studies that use no GPU."""

    def __init__(self, hours: float) -> None:
        super().__init__(
            f"--max-gpu-hours is {hours:g}, but no study given uses a GPU (resources.gpu is 0), so it would "
            "never stop anything; use --max-hours."
        )


@dataclass(frozen=True)
class Limits:
    """What a launch may take at most; None is no limit."""

    hours: float | None = None
    gpu_hours: float | None = None


@dataclass
class Budget:
    """Counts what a launch takes: wall-clock since it began, and GPUs x seconds of every trial.

    Args:
        limits: what may be taken.
        expected: seconds that each job is expected to take, by key, as far as that is known.
        clock: seconds, monotonic.
    """

    limits: Limits
    expected: Mapping[str, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._began = self.clock()
        self._running: dict[str, tuple[float, float, float]] = {}  # job -> (since, GPUs, expected seconds)
        self._gpu_seconds = 0.0
        self.held_back = False  # whether a job was not started because it would not have fitted

    def begin(self, key: str, gpus: float) -> None:
        """A trial was handed out. Waiting for a free GPU is not counted: call `running` when it starts."""
        if key in self._running:  # started again by Tune, which tells of no end
            self.end(key)
        self._running[key] = (self.clock(), gpus, self.expected.get(key, 0.0))

    def end(self, key: str) -> None:
        """A trial ended."""
        since, gpus, _ = self._running.pop(key, (0.0, 0.0, 0.0))
        self._gpu_seconds += gpus * (self.clock() - since)

    @property
    def hours(self) -> float:
        """Wall-clock hours since the launch began."""
        return (self.clock() - self._began) / HOUR

    @property
    def gpu_hours(self) -> float:
        """GPU-hours of the trials that ended and of those that run."""
        now = self.clock()
        running = sum(gpus * (now - since) for since, gpus, _ in self._running.values())
        return (self._gpu_seconds + running) / HOUR

    def allows(self, key: str, gpus: float) -> bool:
        """Whether a job fits in what is left, by the time that it and those that run are expected to take."""
        fits = self._fits(self.expected.get(key, 0.0), gpus)
        self.held_back = self.held_back or not fits
        return fits

    def _fits(self, seconds: float, gpus: float) -> bool:
        limits = self.limits
        if limits.hours is not None and self.hours + seconds / HOUR > limits.hours:
            return False
        if limits.gpu_hours is None or gpus == 0:
            return True
        now = self.clock()
        committed = sum(
            held * max(0.0, expected - (now - since)) for since, held, expected in self._running.values()
        )
        return self.gpu_hours + (committed + gpus * seconds) / HOUR <= limits.gpu_hours

    def exceeded(self) -> str | None:
        """One sentence once a limit is reached, None before."""
        if self.limits.hours is not None and self.hours >= self.limits.hours:
            return _sentence("--max-hours", self.limits.hours, self.hours, "hours")
        if self.limits.gpu_hours is not None and self.gpu_hours >= self.limits.gpu_hours:
            return _sentence("--max-gpu-hours", self.limits.gpu_hours, self.gpu_hours, "GPU-hours")
        return None

    def why_held_back(self) -> str | None:
        """One sentence when jobs were left because they would not have fitted, None otherwise."""
        if not self.held_back:
            return None
        return (
            f"stopped before the budget was spent ({self.hours:.2f} hours, {self.gpu_hours:.2f} GPU-hours): "
            "no job that is left is expected to fit; run the same command again with a larger budget to go on"
        )


def _sentence(option: str, limit: float, taken: float, unit: str) -> str:
    return (
        f"stopped: {option} {limit:g} is reached ({taken:.2f} {unit}); run the same command again to go on "
        "from the last finished rounds"
    )
