"""Running a share of finished results again, apart from the store, and comparing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from after_ray.environment import Execution, fix_threads
from after_ray.errors import AfterRayError
from after_ray.labelling import lend_labelling
from after_ray.seeds import SeedTree
from after_ray.sources import source_of
from after_ray.stages import AdaptationStage, PretrainingStage, Stage, foundations
from after_ray.store import Record, Store
from after_ray.store.linked import link_result
from sweeps.planning.plan import Plan
from sweeps.planning.trajectories import Trajectory
from sweeps.provenance.promises import SELECTION, Promise, differences

Shown = Callable[[int, int], None]
Learned = AdaptationStage | PretrainingStage  # before round 0


class BadSample(AfterRayError):
    """A share of nothing, or of more than there is."""

    def __init__(self, text: str) -> None:
        super().__init__(f"--sample '{text}': allowed is a percentage above 0 and up to 100, such as 2%.")


class NothingFinished(AfterRayError):
    """Nothing to compare with."""

    def __init__(self, study: str) -> None:
        super().__init__(f"No trajectory of '{study}' is finished; 'after-ray run' the study first.")


def share_of(text: str) -> float:
    """`2%` as 0.02.

    Raises:
        BadSample: when it is no percentage above 0 and up to 100.
    """
    number, percent, rest = text.partition("%")
    try:
        share = float(number) / 100
    except ValueError:
        raise BadSample(text) from None
    if not percent or rest or not 0 < share <= 1:
        raise BadSample(text)
    return share


def sample(plan: Plan, store: Store, share: float, seed: int) -> tuple[list[Trajectory], int]:
    """A share of the finished trajectories of a plan, at least one, and how many there are."""
    done = store.ledger.finished()
    finished = sorted(
        (t for t in plan.trajectories if all(stage.key in done for stage in t.stages)), key=lambda t: t.key
    )
    if not finished:
        raise NothingFinished(plan.study.study)
    count = math.ceil(share * len(finished) - 1e-9)
    chosen = SeedTree(seed).child("verify").generator().permutation(len(finished))[:count]
    return [finished[index] for index in sorted(chosen)], len(finished)


@dataclass(frozen=True)
class Compared:
    """One result that was computed again: what was promised of it, and what is not so.

    `broken`: it could not be computed, or labels others, so that what rests on it cannot be compared.
    """

    stage: Stage
    promise: Promise
    wrong: tuple[str, ...] = ()
    broken: bool = False
    other_code: bool = False

    @property
    def sentence(self) -> str:
        """What is wrong, for people."""
        by = "made by other code than today's, " if self.other_code else ""
        against = f"; {', '.join(self.promise.against)}" if self.promise.against else ""
        return (
            f"{self.stage.kind} {self.stage.key[:12]}: {by}differs in {', '.join(self.wrong)} "
            f"(promised: {self.promise.name}{against})"
        )


def verify(
    again: Again,
    chosen: Sequence[Trajectory],
    adaptations: bool = False,
    shown: Shown = lambda done, total: None,
) -> list[Compared]:
    """Compute trajectories again; each result once.

    On request also the adaptations and pretrainings that they rest on, what rests on another one last.
    """
    found: dict[str, Compared] = {}
    learned = {stage.key: stage for t in chosen for stage in _learned_before(t)} if adaptations else {}
    for done, stage in enumerate(learned.values(), start=1):
        found[stage.key] = again.learned(stage)
        shown(done, len(learned) + len(chosen))
    for done, trajectory in enumerate(chosen, start=len(learned) + 1):
        found.update((compared.stage.key, compared) for compared in again.trajectory(trajectory))
        shown(done, len(learned) + len(chosen))
    return list(found.values())


def _learned_before(trajectory: Trajectory) -> list[Learned]:
    """The adaptation and every step of a pretraining that its rounds rest on."""
    resting = [stage for stage in foundations(trajectory.last) if isinstance(stage, Learned)]
    return resting[::-1]


class Again:
    """Runs stages again in a folder of its own; the store that they are in is only read.

    Args:
        store: holds what is compared with.
        folder: for what is computed again.
        cache: for memory-mapped copies; in `folder` by default.
    """

    def __init__(self, store: Store, folder: Path, cache: Path | None = None) -> None:
        self._store, self._folder = store, folder
        self._cache = cache or folder / "cache"
        self._known: dict[str, Compared] = {}

    def trajectory(self, trajectory: Trajectory) -> Iterator[Compared]:
        """Compute its rounds again, from the stages that it shares with others.

        It ends with the first round that labels others than before: what follows cannot be compared.
        """
        scratch = self._scratch("rounds", foundations(trajectory.last))
        if labelling := trajectory.first.annotation.labelling:
            lend_labelling(labelling, self._store.place, scratch.place)
        promise = Promise()
        for stage in trajectory.stages:
            compared = self._compared(stage, scratch, promise)
            yield compared
            if compared.broken:
                return
            promise = compared.promise

    def learned(self, stage: Learned) -> Compared:
        """Compute an adaptation or a step of a pretraining again, from what it rests on in the store."""
        return self._compared(
            stage, self._scratch(f"{stage.kind}-{stage.key}", foundations(stage)), Promise()
        )

    def _scratch(self, name: str, needed: Iterable[Stage]) -> Store:
        scratch = Store(self._folder / name)
        for stage in needed:
            link_result(self._store, self._store.need(stage.key), scratch)
        return scratch

    def _compared(self, stage: Stage, scratch: Store, promise: Promise) -> Compared:
        """What became of one stage; one that several trajectories share is computed once."""
        if stage.key not in self._known:
            self._known[stage.key] = self._compute(stage, scratch, promise)
        return self._known[stage.key]

    def _compute(self, stage: Stage, scratch: Store, promise: Promise) -> Compared:
        record = self._store.need(stage.key)
        source = record.environment.get("source")
        unsound = _unsound(self._store, record)
        result = Compared(stage, promise, unsound, other_code=source not in (None, source_of(stage)))
        try:
            again = self._run(stage, record, scratch)
        except AfterRayError as error:
            return replace(result, wrong=(*unsound, str(error)), broken=True)
        promise = promise.and_of(record, again)
        wrong = differences(record, again, promise)
        return replace(result, promise=promise, wrong=(*unsound, *wrong), broken=SELECTION in wrong)

    def _run(self, stage: Stage, record: Record, scratch: Store) -> Record:
        """Compute a stage as its record says that it was: threads, device, compiled or not."""
        from after_ray.execution import run

        execution = Execution(
            store=scratch.url,
            cache=str(self._cache),
            threads=int(record.environment.get("threads", 1)),
            device=_device(record),
            compile=bool(record.details.get("compiled", False)),
        )
        fix_threads(execution.threads)
        return run(stage, execution)


def _unsound(store: Store, record: Record) -> tuple[str, ...]:
    """Files that are there and are not, bit for bit, what their record says."""
    there = {name: entry for name, entry in record.files.items() if store.has(record, name)}
    return tuple(
        f"the stored file {name}"
        for name, entry in there.items()
        if store.place.sha256(f"{record.folder}/{name}") != entry.sha256
    )


def _device(record: Record) -> str:
    """The kind of device of a result, where this machine has one."""
    import torch

    on_gpu = record.environment.get("device") == "cuda" and torch.cuda.is_available()
    return "cuda" if on_gpu else "cpu"
