"""What the tracker is told of a study that was opened: its numbers, and one run per trajectory."""

from __future__ import annotations

from typing import Any

from after_ray.stages import AdaptationStage, AudioStage
from sweeps.counting import counts
from sweeps.mirrored import MirroredStudy, MirroredTrajectory
from sweeps.opening import OpenStudy
from sweeps.plan import Trajectory


def mirrored_study(opened: OpenStudy) -> MirroredStudy:
    """What the tracker's parent run says of a study."""
    numbers = counts([opened.plan], opened.store.ledger.finished())
    fixed = {
        name: value
        for name, value in numbers.items()
        if name not in {"missing", "failed"} and not name.endswith("done")
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
