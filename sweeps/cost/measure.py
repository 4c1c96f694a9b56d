"""A short measurement of what plans need and the store does not know: `after-ray plan --measure`."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from after_ray.environment import Execution, describe, fix_threads
from after_ray.errors import AfterRayError
from after_ray.manifest import Manifest
from after_ray.stages import (
    AdaptationStage,
    FeaturesStage,
    FirstRoundStage,
    FrameLossesStage,
    NextRoundStage,
    PretrainingStage,
    Stage,
)
from after_ray.store import Store
from sweeps.cost.assumed import assumed_rate
from sweeps.cost.clips import Corpora
from sweeps.cost.kept_rates import keep
from sweeps.cost.observed import look
from sweeps.cost.rates import WITHOUT_ASSUMPTION, Observation, Place, Rates
from sweeps.cost.work import Phase, Works
from sweeps.planning.jobs import jobs_of
from sweeps.planning.plan import Plan

if TYPE_CHECKING:
    from sweeps.cost.pieces import Sample

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # of glibc's mallopt
BUDGET = 60.0  # seconds of one measurement, all pieces together, apart from loading libraries


class NoSuchGpu(AfterRayError):
    """A measurement for GPUs on a machine that has none."""

    def __init__(self) -> None:
        super().__init__(
            "The studies given run on a GPU (resources.gpu), and this machine has none that torch can use, "
            "so nothing was measured; run 'after-ray plan --measure' on a machine with the GPU that they "
            "will run on and the same --store, or leave --measure out for an estimate by assumed rates."
        )


@dataclass(frozen=True)
class Piece:
    """One thing to measure: a stage that stands for all of its group, where it would run.

    `choice`: of a round 0 how it is chosen, and not its training.
    """

    stage: Stage
    place: Place
    choice: bool = False

    @property
    def kind(self) -> str:
        """What is measured of it: an adaptation, features, a round's training and scoring, its choice."""
        return "choice" if self.choice else self.stage.kind


def unmeasured(
    plans: Sequence[Plan], manifests: Iterable[Manifest], store: Store, done: Collection[str]
) -> list[Piece]:
    """One stage for each group of missing work of which no speed is known."""
    works = Works(Corpora(plans, manifests))
    rates = Rates(look(plans, works, store, done).observations)
    found: dict[object, Piece] = {}
    for job in jobs_of(plans, done).values():
        place = Place.of(job.resources)
        for phase in works.of(job.stage):
            if _chooses(job.stage, phase) and not rates.line(phase.group, place).records:
                found.setdefault((phase.group, place), Piece(job.stage, place, choice=True))
            counted = phase.operations and not phase.group.what.startswith(WITHOUT_ASSUMPTION)
            if counted and not rates.line(phase.group, place).records:
                measured_by = works.method(_first(job.stage)).train if _is_round(job.stage) else phase.group
                found.setdefault((measured_by, place), Piece(job.stage, place))
    return list(found.values())


def measure(
    plans: Sequence[Plan],
    manifests: Sequence[Manifest],
    store: Store,
    done: Collection[str],
    budget: float = BUDGET,
) -> list[Observation]:
    """Run a small real piece of each unknown group here, in this process, and keep its speed in the store.

    Clips are noise of the corpora's lengths: how long a network takes does not depend on what it hears.

    Returns:
        What was measured; nothing where everything is known.

    Raises:
        NoSuchGpu: when something is to run on a GPU and there is none; nothing is measured then.
    """
    pieces = unmeasured(plans, manifests, store, done)
    if not pieces:
        return []
    if any(piece.place.device == "cuda" for piece in pieces):
        import torch

        if not torch.cuda.is_available():
            raise NoSuchGpu
    _keep_memory()
    by_digest = {manifest.digest: manifest for manifest in manifests}
    found: list[Observation] = []
    for piece in pieces:
        found += _measured(piece, by_digest, store, budget / len(pieces))
    keep(store, found)
    return found


def _measured(
    piece: Piece, manifests: dict[str, Manifest], store: Store, budget: float
) -> Iterator[Observation]:
    from sweeps.cost.pieces import adaptation, choice, features, pretraining, surprise, training

    place, stage = piece.place, piece.stage
    fix_threads(place.threads)
    execution = Execution(str(store.root), "", threads=place.threads, device=place.device)
    name = str(describe(execution)["device_name"])
    samples: Iterable[Sample]
    if piece.choice:
        first = _first(stage)
        samples = choice(first, manifests[first.audio.manifest], budget)
    elif isinstance(stage, AdaptationStage):
        manifest, precision = manifests[stage.audio.manifest], stage.adaptation.precision
        samples = adaptation(stage, manifest, place.device, budget, _rate(place, precision))
    elif isinstance(stage, FeaturesStage):
        samples = features(stage, manifests[stage.audio.manifest], place.device, budget)
    elif isinstance(stage, PretrainingStage):
        manifest, rate = manifests[stage.audio.manifest], _rate(place, "fp32")
        samples = pretraining(stage, manifest, place.device, budget, rate)
    elif isinstance(stage, FrameLossesStage):
        samples = surprise(stage, manifests[stage.audio.manifest], place.device, budget)
    else:
        first = _first(stage)
        rate = _rate(place, first.classifier.of_passes)
        samples = training(first, manifests[first.audio.manifest], place.device, budget, rate)
    for sample in samples:
        yield Observation(sample.group, sample.operations, sample.seconds, place, name, trial=False)


def _keep_memory() -> None:
    """As trials do (`ray_start.KEEP_MEMORY`), whose variables come too late for a process that runs.

    Without, convolutions were measured twice as slow as they are in a trial.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is not None and hasattr(library, "mallopt"):  # glibc
        for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 100_000_000)):
            library.mallopt(option, value)


def _rate(place: Place, precision: str) -> float:
    """A first guess, by which pieces are made small enough."""
    return assumed_rate(place.device, place.threads, precision, "T4")[0]


def _chooses(stage: Stage, phase: Phase) -> bool:
    """Whether a phase chooses round 0 by features: that is work, as clustering is, and not a draw."""
    return (
        isinstance(stage, FirstRoundStage) and phase.name == "acquire" and stage.initial_features is not None
    )


def _is_round(stage: Stage) -> bool:
    return isinstance(stage, FirstRoundStage | NextRoundStage)


def _first(stage: Stage) -> FirstRoundStage:
    first = stage.first if isinstance(stage, NextRoundStage) else stage
    assert isinstance(first, FirstRoundStage)
    return first
