"""The plan: a study expanded into cells, trajectories and the stages they share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition import EvidenceKind, Selector, evidence_of, selector_that_matters
from after_ray.adaptation.settings import AdaptationSettings, FrameLossSettings, check_frame_losses
from after_ray.annotation import check_votes, noise_text
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import (
    ClassifierSettings,
    OnBackbone,
    W2v2LR12Settings,
    can_continue,
)
from after_ray.corpora._settings import votes_remedy
from after_ray.errors import BadValue
from after_ray.learning.schedule import Target, targets_of
from after_ray.learning.settings import Restart
from after_ray.manifest import Manifest
from after_ray.splits._settings import FoldChoice
from after_ray.stages import (
    AdaptationStage,
    AudioStage,
    FirstRoundStage,
    NextRoundStage,
    PretrainingStage,
    Stage,
    collect,
)
from sweeps.planning.joining import joined
from sweeps.planning.naming import Method, adaptation_label, label_of, methods
from sweeps.planning.trajectories import NO_STRATEGY, Axes, Cell, Trajectory
from sweeps.replaying.replays import Replay, Replays
from sweeps.study.declaration import Study
from sweeps.study.replays import is_replay
from sweeps.study.splitting import Split, Standing, split_corpus


@dataclass(frozen=True)
class Plan:
    """Everything a study asks for, with the stages that several of its trajectories share named once.

    `splits`: the folds of each corpus, in the order of the study file. `recorded`: by the key of a stage of
    selections the manifest rows that it holds, in their order.
    """

    study: Study
    trajectories: tuple[Trajectory, ...]
    splits: tuple[Split, ...] = ()
    recorded: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All cells, in the order of the study file."""
        return tuple(
            Cell(trajectory.axes, percent, stage.size, stage.key, trajectory.key)
            for trajectory in self.trajectories
            for percent, stage in zip(trajectory.percents, trajectory.stages, strict=True)
            if percent in trajectory.reported
        )

    @cached_property
    def first_rounds(self) -> dict[str, FirstRoundStage]:
        """Round 0 of every trajectory, each key once."""
        return {trajectory.first.key: trajectory.first for trajectory in self.trajectories}

    @cached_property
    def shared(self) -> dict[str, Stage]:
        """What rounds rest on and is no round, each key once, what is needed before what needs it."""
        found: dict[str, Stage] = {}
        for trajectory in self.trajectories:
            collect(trajectory.last, found)
        return {key: stage for key, stage in found.items() if stage.kind != "round"}

    @cached_property
    def keys(self) -> frozenset[str]:
        """Keys of every stage of the plan."""
        return frozenset({*self.shared, *(stage.key for t in self.trajectories for stage in t.stages)})

    def restricted(self, means: Callable[[Trajectory], bool]) -> Plan:
        """The plan of those trajectories that `means` says are meant."""
        return replace(self, trajectories=tuple(filter(means, self.trajectories)))

    def of_kind(self, kind: type[Stage]) -> dict[str, Stage]:
        """The shared stages of one kind."""
        return {key: stage for key, stage in self.shared.items() if isinstance(stage, kind)}


def make_plan(
    study: Study, manifests: Sequence[Manifest], standing: Standing = lambda stage, manifest: None
) -> Plan:
    """Expand a study; `manifests` are those of its corpora, in the order of the study file.

    `standing` finds the folds that a store holds already: they count, and not those that would be drawn here.

    Combinations that mean the same (an adaptation for a classifier without a backbone, a restart for one
    that is solved afresh, what several parts have) become one trajectory.
    """
    splits = tuple(
        split_corpus(study, corpus, manifest, standing)
        for corpus, manifest in zip(study.corpus, manifests, strict=True)
    )
    replays = Replays(study)
    trajectories = joined(
        trajectory
        for manifest, split in zip(manifests, splits, strict=True)
        for part in study.crossed
        for trajectory in _of_corpus(study, part, manifest, split, replays)
    )
    return Plan(study, trajectories, splits, replays.rows)


def _of_corpus(
    whole: Study, study: Study, manifest: Manifest, split: Split, replays: Replays
) -> Iterator[Trajectory]:
    """The trajectories of one cross of axes, named as in the `whole` study."""
    audio = AudioStage(manifest=manifest.digest, corpus=manifest.corpus)
    for index in split.run:
        train = split.table.folds[index].train
        for annotation in study.annotation:
            check_votes(annotation, manifest.votes, manifest.sources, train, votes_remedy)
        durations = manifest.table["seconds"].to_numpy()[split.table.folds[index].train].tolist()
        protocol, classes = study.protocol, len(manifest.classes)
        targets = targets_of(study.schedule, durations, classes, protocol.first_round, protocol.budget)
        replay = replays.on(manifest, split.table.folds[index], targets[-1])
        for method in methods(whole, study):
            yield from _of_method(whole, study, audio, split.choice(index), targets, method, replay)


def _of_method(
    whole: Study,
    study: Study,
    audio: AudioStage,
    choice: FoldChoice,
    targets: tuple[Target, ...],
    method: Method,
    replay: Replay,
) -> Iterator[Trajectory]:
    start = targets[0]
    _refuse_empty_epochs(method.classifier, start.size)
    if isinstance(method.classifier, W2v2LR12Settings) and method.backbone is not None:
        method.classifier.check_backbone(method.backbone)
    for adaptation in study.adaptation if method.backbone is not None else (None,):
        _refuse_idle_frame_losses(study, method.backbone, adaptation)
        for seed in study.seed:
            adapted = _adaptation_stage(audio, choice, method.backbone, adaptation, seed)
            for initialization in study.initialization:
                first = FirstRoundStage(
                    audio,
                    choice,
                    method.classifier,
                    initialization,
                    start.size,
                    seed,
                    method.backbone,
                    adapted,
                    validation_cap=study.protocol.validation.cap,
                    seconds=start.seconds,
                )
                labels = {
                    "corpus": audio.corpus,
                    "method": method.label,
                    "adaptation": adaptation_label(whole, adaptation),
                    "initialization": label_of(whole.initialization, initialization),
                    "fold": choice.index,
                    "seed": seed,
                    "pretrained": method.backbone is not None and method.backbone.pretrained,
                }
                for told, names in _annotated(study, _pretrained(first)):
                    yield from _of_first_round(study, told, targets[1:], labels | names, replay)


def _annotated(study: Study, first: FirstRoundStage) -> Iterator[tuple[FirstRoundStage, dict[str, str]]]:
    """A round 0 with every annotation and every share of label noise, and their names in tables."""
    for annotation, noise in itertools.product(study.annotation, study.label_noise):
        names = {"annotation": annotation.title, "label_noise": noise_text(noise)}
        yield replace(first, annotation=annotation, label_noise=noise), names


def _refuse_empty_epochs(classifier: ClassifierSettings, size: int) -> None:
    """Before anything runs: whole batches alone may leave a small round 0 without any."""
    if isinstance(classifier, OnBackbone):
        fitting = classifier.fitting
        if fitting.drop_last and size < fitting.batch_size:
            allowed = (
                f"{fitting.batch_size} or more, because 'drop_last' trains on whole batches of that size"
            )
            raise BadValue("size of round 0", size, allowed, "protocol.fitting")


def _refuse_idle_frame_losses(
    study: Study, backbone: BackboneSettings | None, adaptation: AdaptationSettings | None
) -> None:
    """Before anything runs: heads that are not there, or that an adaptation would not learn."""
    asked = any(EvidenceKind.FRAME_LOSSES in evidence_of(strategy) for strategy in study.strategy)
    if asked and backbone is not None and len(study.schedule) > 1:
        check_frame_losses(study.frame_losses, backbone, adaptation)


def _pretrained(first: FirstRoundStage) -> FirstRoundStage:
    """With the pretraining of its classifier, if it has one."""
    last = PretrainingStage.of(first.audio, first.fold, first.features, first.classifier, first.seed)
    return first if last is None else replace(first, pretrained=last)


def _of_first_round(
    study: Study,
    first: FirstRoundStage,
    targets: tuple[Target, ...],
    labels: dict[str, Any],
    replay: Replay,
) -> Iterator[Trajectory]:
    """The trajectories that start from one round 0, or from what is replayed in its place."""
    percents, reported = study.schedule, frozenset(study.reported)
    starts = {
        strategy: replay(first, strategy, labels["initialization"]) if is_replay(strategy) else first
        for strategy in study.strategy
    }
    if not targets:
        for strategy, start in starts.items():
            named = NO_STRATEGY if start is first else strategy
            yield Trajectory(Axes(strategy=named, restart=NO_STRATEGY, **labels), percents, start, reported)
        return
    restarts: tuple[Restart, ...] = study.restarts if can_continue(first.classifier) else ("pretrained",)
    for restart in restarts:
        for strategy, start in starts.items():
            selector = selector_that_matters(strategy, study.protocol.selector)
            last = _chain(start, targets, strategy, restart, selector, study.frame_losses)
            yield Trajectory(Axes(strategy=strategy, restart=restart, **labels), percents, last, reported)


def _adaptation_stage(
    audio: AudioStage,
    choice: FoldChoice,
    backbone: BackboneSettings | None,
    adaptation: AdaptationSettings | None,
    seed: int,
) -> AdaptationStage | None:
    if adaptation is None or backbone is None:
        return None
    own_seed = seed if adaptation.repeat == "per_seed" else None
    return AdaptationStage(audio, choice, backbone, adaptation, own_seed)


def _chain(
    first: FirstRoundStage,
    targets: tuple[Target, ...],
    strategy: str,
    restart: Restart,
    selector: Selector,
    frame_losses: FrameLossSettings,
) -> FirstRoundStage | NextRoundStage:
    last: FirstRoundStage | NextRoundStage = first
    for target in targets:
        last = NextRoundStage(last, target.size, strategy, restart, selector, target.seconds, frame_losses)
    return last
