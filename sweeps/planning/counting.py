"""How much plans ask for and how much of it is done; what several plans ask for alike counts once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

from after_ray.stages import (
    AdaptationStage,
    AudioStage,
    FeaturesStage,
    FrameLossesStage,
    PretrainingStage,
    Stage,
)
from sweeps.planning.jobs import Job, jobs_of, resting_on
from sweeps.planning.plan import Plan
from sweeps.planning.trajectories import Cell, Trajectory


class Together:
    """Several plans as one: every trajectory, cell and stage once."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = plans

    @cached_property
    def trajectories(self) -> dict[str, Trajectory]:
        """By key. One that is the beginning of another is there too: other cells are read from it."""
        return {t.key: t for plan in self._plans for t in plan.trajectories}

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Round 0 is one record for all strategies, and a cell of each of them."""
        means = {
            (cell.key, cell.axes.strategy, cell.axes.restart): cell
            for plan in self._plans
            for cell in plan.cells
        }
        return tuple(means.values())

    @cached_property
    def shared(self) -> dict[str, Stage]:
        """What rounds rest on and is no round."""
        return {key: stage for plan in self._plans for key, stage in plan.shared.items()}

    @cached_property
    def first_rounds(self) -> set[str]:
        """Keys of round 0."""
        return {key for plan in self._plans for key in plan.first_rounds}

    @cached_property
    def keys(self) -> frozenset[str]:
        """Keys of every stage."""
        return frozenset().union(*(plan.keys for plan in self._plans))

    def of_kind(self, kind: type[Stage]) -> set[str]:
        """Keys of the shared stages of one kind."""
        return {key for key, stage in self.shared.items() if isinstance(stage, kind)}

    def lost(self, done: Collection[str], failed: Collection[str]) -> frozenset[str]:
        """Keys of the stages that are missing because these failed, or something that they rest on."""
        broken = set(failed) - set(done)
        if not broken:
            return frozenset()
        jobs = jobs_of(self._plans, done)
        lost = broken | _resting(jobs, broken).keys()
        return frozenset(stage for key in lost if key in jobs for stage in jobs[key].gives)

    def waiting(self, done: Collection[str], failed: Collection[str]) -> dict[str, str]:
        """Keys of the trajectories that rest on these failures -> key of the failed stage."""
        broken = set(failed) - set(done)
        jobs = jobs_of(self._plans, done) if broken else {}
        resting = _resting(jobs, broken)
        return {key: cause for key, cause in resting.items() if jobs[key].kind == "trajectory"}

    def failing(self, done: Collection[str], failed: Collection[str]) -> Iterator[Cell]:
        """The cells that are missing because something that they rest on failed."""
        stages = self.lost(done, failed)
        yield from (cell for cell in self.cells if cell.key not in done and cell.key in stages)


def _resting(jobs: Mapping[str, Job], failed: Collection[str]) -> dict[str, str]:
    return resting_on(jobs, failed, {key for job in jobs.values() for key in job.gives})


def counts(plans: Sequence[Plan], done: Collection[str], failed: Collection[str] = ()) -> dict[str, int]:
    """The numbers that `plan --json` prints.

    Args:
        plans: one or several, counted together.
        done: keys that have a record.
        failed: keys of stages whose last attempt failed.
    """
    plan = Together(plans)
    adaptations, features = plan.of_kind(AdaptationStage), plan.of_kind(FeaturesStage)
    frame_losses = plan.of_kind(FrameLossesStage)
    pretrainings = plan.of_kind(PretrainingStage)
    finished = sum(cell.key in done for cell in plan.cells)
    return {
        "cells": len(plan.cells),
        "trajectories": len(plan.trajectories),
        "adaptations": len(adaptations),
        "features": len(features),
        "pretrainings": len(pretrainings),
        "frame_losses": len(frame_losses),
        "corpora": len(plan.of_kind(AudioStage)),
        "first_rounds": len(plan.first_rounds),
        "done": finished,
        "missing": len(plan.cells) - finished,
        "failed": sum(1 for _ in plan.failing(done, failed)),
        "adaptations_done": sum(key in done for key in adaptations),
        "features_done": sum(key in done for key in features),
        "pretrainings_done": sum(key in done for key in pretrainings),
        "frame_losses_done": sum(key in done for key in frame_losses),
        "first_rounds_done": sum(key in done for key in plan.first_rounds),
        "trajectories_done": sum(key in done for key in plan.trajectories),
    }
