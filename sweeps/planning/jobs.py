"""Jobs: what plans still miss, cut into trials, with what each needs, what it finishes and what it takes.

Several plans are cut together: a stage that two of them need is one job, a trajectory that is the beginning
of another is no job of its own, and one that leaves another's path half-way begins where they part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from after_ray.stages import (
    MADE_BY_DRIVER,
    AdaptationStage,
    FeaturesStage,
    FirstRoundStage,
    FrameLossesStage,
    NextRoundStage,
    PretrainingStage,
    Stage,
    collect,
    foundations,
    rounds,
)
from sweeps.planning.plan import Plan
from sweeps.planning.trajectories import Trajectory
from sweeps.study.declaration import Resources

# Where nothing is known of their lengths: what others wait for comes before what nobody waits for.
_KINDS = ("adaptation", "features", "pretraining", "frame_losses", "first_round", "trajectory")
ORDER = {kind: place for place, kind in enumerate(_KINDS)}

Size = tuple[int, float, str]  # cores, GPUs, the model of these ('' is any)


@dataclass(frozen=True)
class Job:
    """One trial to be.

    Attributes:
        kind: adaptation, features, pretraining, frame_losses, first_round or trajectory.
        stage: the stage it ends with.
        needs: keys of the stages that must be finished before it starts.
        gives: keys of the stages that it finishes, in their order; the last is its own.
        resources: what it takes while it runs.
    """

    kind: str
    stage: Stage
    needs: frozenset[str] = field(default_factory=frozenset)
    gives: tuple[str, ...] = ()
    resources: Resources = field(default_factory=Resources)

    def __post_init__(self) -> None:
        if not self.gives:
            object.__setattr__(self, "gives", (self.key,))

    @property
    def key(self) -> str:
        """The key of the stage."""
        return self.stage.key

    @property
    def size(self) -> Size:
        """Cores and GPUs that it takes, and the model of these."""
        return (self.resources.cpu, self.resources.gpu, self.resources.gpu_model or "")

    def chain(self, rounds_done: int) -> tuple[str, ...]:
        """Keys of the first `rounds_done` rounds of its trajectory, round 0 first; of other jobs none."""
        if not isinstance(self.stage, FirstRoundStage | NextRoundStage):
            return ()
        return tuple(stage.key for stage in rounds(self.stage)[:rounds_done])


def jobs_of(plans: Sequence[Plan], done: Collection[str]) -> dict[str, Job]:
    """The jobs that plans still miss, by key, kinds that others wait for first.

    Two plans that need the same stage with other resources get it with those of the first.
    """
    wanted = [(plan, t) for plan in plans for t in plan.trajectories if not _is_done(t, done)]
    inner = {stage.key for _, trajectory in wanted for stage in trajectory.stages[:-1]}
    jobs: dict[str, Job] = {}
    given: set[str] = set()
    for plan, trajectory in wanted:
        resources = plan.study.resources
        for stage in _below(trajectory, done):
            jobs.setdefault(stage.key, Job(kind_of(stage), stage, resources=taken(stage, resources)))
        last = trajectory.last
        if isinstance(last, NextRoundStage) and last.key not in inner and last.key not in jobs:
            jobs[last.key] = _of_chain(trajectory, done, given, resources)
            given.update(jobs[last.key].gives)
    wanted_keys = given | jobs.keys()
    finished = [
        replace(job, needs=job.needs | (_foundations(job.stage) & wanted_keys)) for job in jobs.values()
    ]
    return {job.key: job for job in sorted(finished, key=lambda job: ORDER[job.kind])}


def _is_done(trajectory: Trajectory, done: Collection[str]) -> bool:
    return all(stage.key in done for stage in trajectory.stages)


def _below(trajectory: Trajectory, done: Collection[str]) -> Iterator[Stage]:
    """What the rounds rest on and round 0, as far as it is missing and a trial makes it, in that order."""
    found: dict[str, Stage] = {}
    collect(trajectory.last, found)
    for stage in found.values():
        if stage.key not in done and not isinstance(stage, (*MADE_BY_DRIVER, NextRoundStage)):
            yield stage


def _of_chain(trajectory: Trajectory, done: Collection[str], given: set[str], resources: Resources) -> Job:
    """The later rounds of a trajectory; those that another job gives already are waited for."""
    later = [stage.key for stage in trajectory.stages[1:]]
    shared = [key for key in later if key in given]
    gives = tuple(key for key in later if key not in done and key not in given)
    needs = frozenset(shared[-1:])
    return Job("trajectory", trajectory.last, needs, gives, taken(trajectory.last, resources))


def kind_of(stage: Stage) -> str:
    """The kind of job that makes a stage."""
    if isinstance(stage, AdaptationStage):
        return "adaptation"
    if isinstance(stage, FeaturesStage):
        return "features"
    if isinstance(stage, PretrainingStage):
        return "pretraining"
    if isinstance(stage, FrameLossesStage):
        return "frame_losses"
    return "trajectory" if isinstance(stage, NextRoundStage) else "first_round"


def _foundations(stage: Stage) -> set[str]:
    """Keys of everything below a stage; of a later round, round 0 and what the rounds rest on."""
    first = {stage.first.key} if isinstance(stage, NextRoundStage) else set()
    return first | {needed.key for needed in foundations(stage)}


def taken(stage: Stage, resources: Resources) -> Resources:
    """What a stage's trial takes of a study's resources: no GPU where there is nothing that one could do."""
    if resources.gpu == 0 or _uses_gpu(stage):
        return resources
    return resources.model_copy(update={"gpu": 0.0, "gpu_model": None})


def _uses_gpu(stage: Stage) -> bool:
    if isinstance(stage, FeaturesStage):
        return stage.features.on_gpu
    if isinstance(stage, FirstRoundStage | NextRoundStage):
        return rounds(stage)[0].classifier.on_gpu  # type: ignore[union-attr]
    return True


def resting_on(
    jobs: Mapping[str, Job], failed: Collection[str], unfinished: Collection[str]
) -> dict[str, str]:
    """The jobs that cannot run because others failed: key -> key of the failed job that it rests on.

    `unfinished`: keys of stages; what a failed job finished before it failed may still be built on.
    """
    lost = {stage: key for key in failed if key in jobs for stage in jobs[key].gives if stage in unfinished}
    found: dict[str, str] = {}
    for key, job in jobs.items():  # what is needed stands before what needs it
        cause = next((lost[need] for need in sorted(job.needs) if need in lost), None)
        if cause is not None and key not in failed:
            found[key] = cause
            lost.update(dict.fromkeys(job.gives, cause))
    return found
