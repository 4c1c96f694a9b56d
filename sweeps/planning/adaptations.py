"""The one adaptation of a study that a command is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from after_ray.errors import AfterRayError, UnknownName
from after_ray.stages import AdaptationStage
from after_ray.wording import counted, first_of
from sweeps.planning.opening import OpenStudy

_AXES = ("corpus", "method", "adaptation", "fold", "seed")  # what an adaptation may differ in


class NothingAdapted(AfterRayError):
    """A study without any adaptation."""

    def __init__(self, opened: OpenStudy) -> None:
        super().__init__(
            f"Nothing in {opened.path.name} that is asked for adapts a backbone; allowed: a study with an "
            "'adaptation' and a classifier on a 'backbone', such as 'adaptation: tapt' with 'classifier: "
            "pooled_transformer'."
        )


class SeveralAdaptations(AfterRayError):
    """More than one adaptation where one is meant."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__(
            f"{counted(len(texts), 'adaptation')} match, and one is written at a time; choose with one of: "
            f"{first_of([f'--only {text!r}' for text in texts], between=';', noun=' of them')}."
        )


class UnfinishedAdaptation(AfterRayError):
    """An adaptation that no run has finished."""

    def __init__(self, key: str, command: str) -> None:
        super().__init__(f"The adaptation {key[:12]} is not finished; run: {command}")


@dataclass(frozen=True)
class Adaptation:
    """An adaptation of a plan: its stage, the axes of trajectories that it is for, and what it hears.

    `audio`: digests of its recordings; `seconds`: of them together.
    """

    stage: AdaptationStage
    axes: Mapping[str, str]
    audio: tuple[str, ...]
    seconds: float


def the_adaptation(opened: OpenStudy, name: str | None = None) -> Adaptation:
    """The finished adaptation among what a command is about; `name`: of its kind, as tables call it.

    Raises:
        NothingAdapted, UnknownName: when there is none, or none of that name.
        SeveralAdaptations: when there are several.
        UnfinishedAdaptation: when it is not finished.
    """
    found = _adaptations(opened)
    if not found:
        raise NothingAdapted(opened)
    if name is not None:
        names = {axes["adaptation"] for _, axes in found.values()}
        if name not in names:
            raise UnknownName("adaptation", name, names)
        found = {key: one for key, one in found.items() if one[1]["adaptation"] == name}
    if len(found) > 1:
        raise SeveralAdaptations(_told_apart([axes for _, axes in found.values()]))
    ((key, (stage, axes)),) = found.items()
    if opened.store.find(key) is None:
        only = ",".join(f"{axis}={value}" for axis, value in axes.items())
        raise UnfinishedAdaptation(key, opened.command_here("run", "--only", only))
    return _with_audio(opened, stage, axes)


def _adaptations(opened: OpenStudy) -> dict[str, tuple[AdaptationStage, dict[str, str]]]:
    """By key the stage, and the axes of the first trajectory that needs it; no seed where all share it."""
    found: dict[str, tuple[AdaptationStage, dict[str, str]]] = {}
    for trajectory in opened.wanted.trajectories:
        stage = trajectory.first.adapted
        if stage is not None and stage.key not in found:
            axes = {axis: str(getattr(trajectory.axes, axis)) for axis in _AXES}
            if stage.seed is None:
                del axes["seed"]
            found[stage.key] = stage, axes
    return found


def _told_apart(several: list[dict[str, str]]) -> list[str]:
    """Of each the axes on which they differ, as `--only` takes them."""
    differ = [axis for axis in _AXES if len({axes.get(axis) for axes in several}) > 1]
    return [",".join(f"{axis}={axes[axis]}" for axis in differ if axis in axes) for axes in several]


def _with_audio(opened: OpenStudy, stage: AdaptationStage, axes: Mapping[str, str]) -> Adaptation:
    for scan, split in zip(opened.scans, opened.plan.splits, strict=True):
        if scan.manifest.digest == stage.audio.manifest:
            train = split.table.folds[stage.fold.index].train
            seconds = float(scan.manifest.table["seconds"].to_numpy()[train].sum())
            audio = tuple(scan.manifest.table["audio"].to_numpy(dtype=object)[train])
            return Adaptation(stage, axes, audio, seconds)
    raise ValueError(f"no corpus of the study has the manifest {stage.audio.manifest}")
