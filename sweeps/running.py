"""Running a study: prepare the audio here, launch what is missing, mirror what is finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from after_ray.errors import AfterRayError
from after_ray.execution.corpus import prepare_audio
from after_ray.execution.kept_folds import keep_folds
from after_ray.stages import AdaptationStage, AudioStage
from sweeps._console import Meter, meter
from sweeps.launch import Outcome, Where, launch
from sweeps.mirrored import MirroredStudy, MirroredTrajectory
from sweeps.opening import OpenStudy
from sweeps.plan import Trajectory
from sweeps.ready import Job
from sweeps.tracking import MirrorReport, MirrorThread


@dataclass(frozen=True)
class RunReport:
    """What one launch did and what the tracker got of it."""

    outcome: Outcome
    mirrored: MirrorReport


def run_study(opened: OpenStudy, where: Where, tracking_uri: str) -> RunReport:
    """Do everything the study still misses; a second call does nothing again."""
    prepare(opened)
    mirror = MirrorThread(tracking_uri, opened.store, mirrored_study(opened))
    done = opened.store.ledger.finished()
    for trajectory in opened.plan.trajectories:
        if trajectory.key in done:
            mirror.submit(mirrored_trajectory(opened, trajectory))
    try:
        with meter("cells", len(opened.plan.cells)) as shown:
            following = _Following(opened, mirror, shown, done)
            outcome = launch(opened.plan, opened.store, where, following.on_trial)
    finally:
        mirrored = mirror.close(timeout=600)
    return RunReport(outcome, mirrored)


def prepare(opened: OpenStudy) -> None:
    """Put into the store what only the driver can make: prepared audio, and the folds of the plan.

    Raises:
        AfterRayError: when another run wrote other folds since this study was planned.
    """
    for scan, settings in zip(opened.scans, opened.study.corpus, strict=True):
        stage = AudioStage(manifest=scan.manifest.digest, corpus=scan.manifest.corpus)
        with meter(f"preparing {settings.title}", len(scan.manifest)) as shown:
            prepare_audio(stage, scan, settings, opened.store, shown.to)
    for scan, split in zip(opened.scans, opened.plan.splits, strict=True):
        kept = keep_folds(split.stage, scan.manifest, opened.store, split.table)
        if kept.details["digest"] != split.table.digest:
            raise AfterRayError(
                f"The folds of '{scan.manifest.corpus}' were written to the store by another run while this "
                "one was planned, and are others; run the same command again, it then uses those."
            )


@dataclass
class _Following:
    """Turns Tune's reports into a count of finished cells and into mirrored trajectories."""

    opened: OpenStudy
    mirror: MirrorThread
    shown: Meter
    done: set[str]
    _rounds: dict[str, int] = field(default_factory=dict)  # trajectory key -> finished rounds

    def __post_init__(self) -> None:
        self._trajectories = {trajectory.key: trajectory for trajectory in self.opened.plan.trajectories}
        for key, trajectory in self._trajectories.items():
            self._rounds[key] = sum(stage.key in self.done for stage in trajectory.stages)
        self._show()

    def on_trial(self, job: Job, result: Mapping[str, Any]) -> None:
        """One step of a trial."""
        if result.get("failed"):
            self.shown.say(f"failed: {job.kind} {job.key[:8]}: {result['failed']}")
            return
        if job.kind == "adaptation":
            self.shown.say(f"adapted: {job.key[:8]}")
        for key, trajectory in self._trajectories.items():
            if trajectory.first.key == job.key:  # round 0 is done for every trajectory that starts from it
                self._rounds[key] = max(self._rounds[key], 1)
        if job.key in self._trajectories:
            self._rounds[job.key] = int(result.get("rounds", 1))
            if result["done"]:
                self.mirror.submit(mirrored_trajectory(self.opened, self._trajectories[job.key]))
        self._show()

    def _show(self) -> None:
        reported = set(self.opened.study.reported)
        cells = 0
        for key, trajectory in self._trajectories.items():
            cells += sum(percent in reported for percent in trajectory.percents[: self._rounds[key]])
        self.shown.to(cells)


def mirrored_study(opened: OpenStudy) -> MirroredStudy:
    """What the tracker's parent run says of a study."""
    counts = opened.plan.counts(opened.store.ledger.finished(), {})
    fixed = {
        name: value
        for name, value in counts.items()
        if name not in {"done", "missing", "failed", "adaptations_done"}
    }
    tags = {
        "corpora": ", ".join(corpus.title for corpus in opened.study.corpus),
        "protocol": opened.study.protocol.preset,
    }
    return MirroredStudy(opened.study.study, opened.resolved_yaml, fixed, tags)


def mirrored_trajectory(opened: OpenStudy, trajectory: Trajectory) -> MirroredTrajectory:
    """What the tracker's run of one trajectory says: axes as tags, settings as parameters, its rounds."""
    axes = trajectory.axes
    first = trajectory.first
    tags = {
        "corpus": axes.corpus,
        "method": axes.method,
        "adaptation": axes.adaptation,
        "strategy": axes.strategy,
        "initialization": axes.initialization,
        "restart": axes.restart,
        "fold": str(axes.fold),
        "seed": str(axes.seed),
        "adaptation_key": first.adapted.key if isinstance(first.adapted, AdaptationStage) else "none",
        "conformity": _conformity(opened, first.audio),
        "protocol": opened.study.protocol.preset,
    }
    reported = set(opened.study.reported)
    rounds = tuple(
        (percent, stage.key, percent in reported)
        for percent, stage in zip(trajectory.percents, trajectory.stages, strict=True)
    )
    return MirroredTrajectory(trajectory.key, tags, flat_settings(trajectory), rounds)


def _conformity(opened: OpenStudy, audio: AudioStage) -> str:
    """The level of the copy that was prepared; where that was not noted, of the copy that is read now."""
    prepared = opened.store.find(audio.key)
    noted = None if prepared is None else prepared.details.get("conformity", {}).get("level")
    now = next(scan for scan in opened.scans if scan.manifest.digest == audio.manifest)
    return str(noted or now.conformity.level)


def flat_settings(trajectory: Trajectory) -> dict[str, Any]:
    """Every setting of a trajectory under a dotted name."""
    first = trajectory.first
    flat: dict[str, Any] = {"seed": first.seed, "fold.index": first.fold.index}
    blocks = {
        "classifier": first.classifier,
        "initialization": first.initialization,
        "folds": first.fold.folds,
        "validation": first.fold.validation,
        "backbone": first.backbone,
        "adaptation": None if first.adapted is None else first.adapted.adaptation,
    }
    for name, block in blocks.items():
        if block is not None:
            _flatten(name, block.model_dump(mode="json"), flat)
    return flat


def _flatten(prefix: str, value: Any, into: dict[str, Any]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _flatten(f"{prefix}.{key}", item, into)
    else:
        into[prefix] = value
