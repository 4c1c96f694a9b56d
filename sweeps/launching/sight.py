"""Who looks at a launch: told of every step of every trial, and now and then of how it stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sweeps.planning.jobs import Job

UNFINISHED = ("failed", "halted", "preempted", "stopped", "awaiting")  # ends of a trial whose job is not done


@dataclass(frozen=True)
class Standing:
    """How a launch stands: the jobs that run (with the seconds since), that wait, that cannot run."""

    running: tuple[tuple[Job, float], ...]
    waiting: tuple[Job, ...]
    blocked: tuple[str, ...]
    failed: tuple[str, ...]
    hours: float
    gpu_hours: float
    gpus: tuple[float, float]  # in use, in all
    eta_hours: float | None = None  # until nothing is left; None while that cannot be told


class Following(Protocol):
    """Told by a launch, in its own process and thread."""

    def on_finished(self, keys: Collection[str]) -> None:
        """Stages are finished without a trial of this launch: before it began, or by another launch."""

    def on_trial(self, job: Job, result: Mapping[str, Any]) -> None:
        """One step of a trial is over; Tune's result has `done`, `rounds`, or `failed` with its sentence."""

    def on_standing(self, standing: Standing) -> None:
        """How the launch stands, every few seconds."""


class HandsOut(Protocol):
    """A searcher as those who watch its trials know it."""

    @property
    def running(self) -> tuple[Job, ...]:
        """The jobs that were handed out and have not ended."""

    @property
    def waiting(self) -> tuple[Job, ...]:
        """The jobs that will still be handed out."""

    @property
    def blocked(self) -> Mapping[str, str]:
        """Keys of jobs that cannot run."""

    def halt(self) -> None:
        """Hand out nothing more."""


class Nobody:
    """Nobody looks."""

    def on_finished(self, keys: Collection[str]) -> None:
        """Nothing."""

    def on_trial(self, job: Job, result: Mapping[str, Any]) -> None:
        """Nothing."""

    def on_standing(self, standing: Standing) -> None:
        """Nothing."""
