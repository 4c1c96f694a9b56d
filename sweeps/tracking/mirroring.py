"""From an opened study to what the tracker is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from after_ray.backbones.families import DEFAULT_FAMILY
from after_ray.backbones.settings import BackboneSettings
from after_ray.stages import AdaptationStage, AudioStage
from after_ray.store import Store
from sweeps.planning.counting import counts
from sweeps.planning.opening import OpenStudy
from sweeps.planning.trajectories import Trajectory
from sweeps.tracking._connection import default_tracking_uri
from sweeps.tracking.mirrored import ROW_AXES, MirroredRow, MirroredStudy, MirroredTrajectory, RowCell

CHANGING = ("done", "missing", "failed")  # what counts that change while a study runs end with
PLURALS = {
    "corpus": "corpora",
    "method": "methods",
    "adaptation": "adaptations",
    "strategy": "strategies",
    "initialization": "initializations",
    "restart": "restarts",
    "annotation": "annotations",
    "label_noise": "label_noises",
    "backbone": "backbones",
    "fold": "folds",
    "seed": "seeds",
}
LONGEST_TAG = 5000  # characters; MLflow's limit on every backend


def mirrored_study(opened: OpenStudy, tracking_uri: str | None = None) -> MirroredStudy:
    """What the tracker's parent run and its summary runs say of a study.

    `tracking_uri`: where it is mirrored to, when that is not the store's own database.
    """
    numbers = counts([opened.plan], opened.store.ledger.finished())
    fixed = {name: value for name, value in numbers.items() if not name.endswith(CHANGING)}
    return MirroredStudy(
        name=opened.study.study,
        study_yaml=opened.resolved_yaml,
        counts=fixed,
        tags=_parent_tags(opened),
        rows=mirrored_rows(opened),
        command=mirror_command(opened, tracking_uri),
    )


def mirror_command(opened: OpenStudy, tracking_uri: str | None = None) -> str:
    """The command line that fills in what MLflow lacks of a study; a URI with a password is left out."""
    elsewhere = tracking_uri not in (None, default_tracking_uri(opened.store))
    told = tracking_uri is not None and elsewhere and urlsplit(tracking_uri).password is None
    return opened.command_here("mirror", *(("--tracking-uri", str(tracking_uri)) if told else ()))


def mirrored_trajectory(opened: OpenStudy, trajectory: Trajectory) -> MirroredTrajectory:
    """What the tracker's run of one trajectory says: axes as tags, settings as parameters, its rounds."""
    axes, first = trajectory.axes, trajectory.first
    tags = {
        **_row_tags(opened, trajectory),
        "fold": str(axes.fold),
        "seed": str(axes.seed),
        "adaptation_key": first.adapted.key if isinstance(first.adapted, AdaptationStage) else "none",
        "conformity": _conformity(opened, first.audio),
    }
    rounds = tuple(
        (percent, stage.key, percent in trajectory.reported)
        for percent, stage in zip(trajectory.percents, trajectory.stages, strict=True)
    )
    return MirroredTrajectory(trajectory.key, tags, flat_settings(trajectory), rounds)


def finished_trajectories(opened: OpenStudy) -> tuple[MirroredTrajectory, ...]:
    """The trajectories of which the store has at least round 0."""
    done = opened.store.ledger.finished()
    return tuple(
        mirrored_trajectory(opened, trajectory)
        for trajectory in opened.plan.trajectories
        if trajectory.first.key in done
    )


def mirrored_rows(opened: OpenStudy) -> tuple[MirroredRow, ...]:
    """The rows of the study's table: trajectories that differ in fold and seed alone are one row."""
    rows: dict[tuple[str, ...], list[Trajectory]] = {}
    for trajectory in opened.plan.trajectories:
        place = tuple(getattr(trajectory.axes, axis) for axis in ROW_AXES)
        rows.setdefault(place, []).append(trajectory)
    return tuple(MirroredRow(_row_tags(opened, row[0]), tuple(_cells(row))) for row in rows.values())


def _cells(row: Iterable[Trajectory]) -> Iterator[RowCell]:
    for trajectory in row:
        axes = trajectory.axes
        for percent, stage in zip(trajectory.percents, trajectory.stages, strict=True):
            if percent in trajectory.reported:
                yield RowCell(percent, stage.key, axes.fold, axes.seed)


def _row_tags(opened: OpenStudy, trajectory: Trajectory) -> dict[str, str]:
    """The axes of a table row, and what else is the same for all its trajectories."""
    axes = trajectory.axes
    return {
        **{axis: str(getattr(axes, axis)) for axis in ROW_AXES},
        "backbone": backbone_name(trajectory.first.backbone),
        "pretrained": str(axes.pretrained).lower(),
        "protocol": opened.study.protocol.preset,
    }


def _parent_tags(opened: OpenStudy) -> dict[str, str]:
    """Every value of every axis: named in the plural, so that a search for one value finds no parent."""
    found: dict[str, dict[str, None]] = {plural: {} for plural in PLURALS.values()}
    for trajectory in opened.plan.trajectories:
        for axis, plural in PLURALS.items():
            value = (
                backbone_name(trajectory.first.backbone)
                if axis == "backbone"
                else str(getattr(trajectory.axes, axis))
            )
            found[plural][value] = None
    tags = {plural: ", ".join(values)[:LONGEST_TAG] for plural, values in found.items()}
    return {**tags, "protocol": opened.study.protocol.preset}


def backbone_name(backbone: BackboneSettings | None) -> str:
    """A backbone for people: hub name, name of its folder, family of a configuration, or `none`."""
    if backbone is None:
        return "none"
    if backbone.name is not None:
        return Path(backbone.name).name if Path(backbone.name).is_absolute() else backbone.name
    return f"{(backbone.config or {}).get('model_type', DEFAULT_FAMILY)} from a configuration"


def _conformity(opened: OpenStudy, audio: AudioStage) -> str:
    """The level of the copy that was prepared; where that was not noted, of the copy that is read now."""
    noted = _noted_level(opened.store, audio.key)
    now = next(scan for scan in opened.scans if scan.manifest.digest == audio.manifest)
    return str(noted or now.conformity.level)


@lru_cache(maxsize=64)
def _noted_level(store: Store, audio: str) -> str | None:
    """Read once: all trajectories of a corpus ask, when their audio has long been prepared."""
    prepared = store.find(audio)
    return None if prepared is None else prepared.details.get("conformity", {}).get("level")


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
        "annotation": first.annotation if first.annotated else None,
    }
    for name, block in blocks.items():
        if block is not None:
            _flatten(name, block.model_dump(mode="json"), flat)
    return flat | ({"label_noise": first.label_noise} if first.annotated else {})


def _flatten(prefix: str, value: Any, into: dict[str, Any]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _flatten(f"{prefix}.{key}", item, into)
    else:
        into[prefix] = value
