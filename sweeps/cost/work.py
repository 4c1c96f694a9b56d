"""How much work a stage is: operations, by the phases that its record tells the seconds of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from after_ray.acquisition import EvidenceKind, evidence_of
from after_ray.adaptation.settings import Adaptation, Objective, PseudoTaptSettings, objective_of
from after_ray.backbones.operations import FORWARD, TRAINING, Shape, per_clip, shape_of
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import ClassifierSettings, PretrainingStep, needs_backbone
from after_ray.features._settings import (
    CepstralFeatures,
    FeatureSettings,
    FrontEndFeatures,
    LogMelFeatures,
    MfccSegmentFeatures,
)
from after_ray.settings import Settings
from after_ray.stages import (
    AdaptationStage,
    FeaturesStage,
    FirstRoundStage,
    FrameLossesStage,
    NextRoundStage,
    PretrainingStage,
    Stage,
)
from sweeps.cost.clips import Clips, Corpora
from sweeps.cost.counting import (
    DECODER_MULTIPLICATIONS,
    ENCODER_MULTIPLICATIONS,
    Count,
    count_of,
    pieces_of,
    segments_of,
)
from sweeps.cost.emotions import targets_work

# Operations for a second of audio that stand for features which no network makes: at the assumed rate of a
# thread a millisecond, about what functionals take.
PLAIN_FEATURES = 60e6
ROUND_PHASES = ("score", "acquire", "train", "evaluate", "rest")
_ALL = float("inf")
_OF_A_PASS = {EvidenceKind.PROBABILITIES, EvidenceKind.DROPOUT_DRAWS, EvidenceKind.EMBEDDINGS}


@dataclass(frozen=True)
class Group:
    """Work whose speed is the same on one device.

    Attributes:
        what: the step and the name of what does it, such as `train pooled_transformer`.
        settings: digest of all settings; "" where they do not matter.
        shape: of the backbone; None where there is none.
        precision: of the passes.
    """

    what: str
    settings: str = ""
    shape: Shape | None = None
    precision: str = "fp32"


@dataclass(frozen=True)
class Phase:
    """A part of a stage's time, by its name in the record's seconds."""

    name: str
    operations: float
    group: Group


Work = tuple[Phase, ...]


def digest_of(settings: Settings) -> str:
    """A short digest of what settings mean."""
    return hashlib.sha256(json.dumps(settings.meaning(), sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Method:
    """A classifier on a backbone: how its work is counted, and what its speeds are known by."""

    classifier: ClassifierSettings
    count: Count
    train: Group
    forward: Group
    rest: Group

    @classmethod
    def of(cls, classifier: ClassifierSettings, backbone: BackboneSettings | None) -> Method:
        """Of settings."""
        with_one = needs_backbone(classifier) and backbone is not None
        return cls.with_shape(classifier, shape_of(backbone) if with_one and backbone else None)

    @classmethod
    def with_shape(cls, classifier: ClassifierSettings, shape: Shape | None) -> Method:
        """Of a classifier and the shape of its backbone."""
        name, settings = classifier.name, digest_of(classifier)
        train, forward = (
            Group(f"{step} {name}", settings, shape, classifier.of_passes) for step in ("train", "score with")
        )
        return cls(classifier, count_of(classifier, shape), train, forward, Group(f"rest of {name}"))

    @property
    def longest(self) -> float:
        """Seconds at which clips are cut."""
        return float(getattr(self.classifier, "max_seconds", _ALL))


NO_WORK = "random"  # the initialization, and the strategy; a replay has as little to do


def choice_of(name: str) -> Group:
    """What an initialization or a strategy does by itself, without training and scoring."""
    return Group(f"choose by {name}")


def round_work(
    method: Method, labelled: Clips, pool: Clips, held_out: tuple[Clips, Clips], passes: int, choice: str
) -> Work:
    """The phases of one round.

    Args:
        method: the classifier.
        labelled: what is trained on.
        pool: what is chosen from.
        held_out: validation and test.
        passes: how often the pool is scored.
        choice: what chooses, an initialization or a strategy.
    """
    validation, test = held_out
    count = method.count
    return (
        Phase("score", passes * count.forward(pool), method.forward),
        Phase("acquire", pool.count, choice_of(choice)),
        Phase("train", count.fit(labelled, validation), method.train),
        Phase("evaluate", count.forward(validation) + count.forward(test), method.forward),
        Phase("rest", 0.0, method.rest),
    )


@lru_cache(maxsize=256)
def passes_of(strategy: str) -> int:
    """How often a strategy sends the pool through the classifier: once for each kind of evidence from it.

    Draws of dropout in the head are one pass, however many there are; what is known without labels is none.
    """
    return len(evidence_of(strategy) & _OF_A_PASS)


class Works:
    """The work of the stages of plans; rounds that differ by seed alone are counted once."""

    def __init__(self, corpora: Corpora) -> None:
        self._corpora = corpora
        self._methods: dict[tuple[int, int], tuple[Method, object]] = {}
        self._rounds: dict[tuple[Any, ...], Work] = {}

    def of(self, stage: Stage) -> Work:
        """The phases of a stage; none of one that the driver makes."""
        if isinstance(stage, FirstRoundStage | NextRoundStage):
            return self._round(stage)
        if isinstance(stage, AdaptationStage):
            return self._adaptation(stage)
        if isinstance(stage, PretrainingStage):
            return self._pretraining(stage)
        if isinstance(stage, FrameLossesStage):
            return self._frame_losses(stage)
        return self._features(stage) if isinstance(stage, FeaturesStage) else ()

    def method(self, first: FirstRoundStage) -> Method:
        """The classifier of a round 0."""
        key = (id(first.classifier), id(first.backbone))
        if key not in self._methods:
            kept = (first.classifier, first.backbone)  # so that nothing else gets their ids
            self._methods[key] = (Method.of(first.classifier, first.backbone), kept)
        return self._methods[key][0]

    def _round(self, stage: FirstRoundStage | NextRoundStage) -> Work:
        if isinstance(stage, FirstRoundStage):
            choice = stage.initialization.name if stage.replayed is None else NO_WORK
            return self._of_round(stage, stage.size, 0, choice, later=False)
        choice = stage.strategy if stage.first.replayed is None else NO_WORK
        return self._of_round(stage.first, stage.size, stage.previous.size, choice, later=True)

    def _of_round(self, first: FirstRoundStage, size: int, before: int, choice: str, later: bool) -> Work:
        method = self.method(first)
        fold = (first.audio.manifest, id(self._corpora.table(first.audio, first.fold)), first.fold.index)
        key = (*fold, id(method), first.validation_cap, size, before, choice)
        if key not in self._rounds:
            self._rounds[key] = self._counted(first, method, size, before, choice, later)
        return self._rounds[key]

    def _counted(
        self, first: FirstRoundStage, method: Method, size: int, before: int, choice: str, later: bool
    ) -> Work:
        train, validation, test = (
            self._corpora.part(first.audio, first.fold, part, method.longest)
            for part in ("train", "validation", "test")
        )
        if first.validation_cap == "labelled":
            validation = validation.number(min(size, validation.count))
        pool = train.number(train.count - before)
        passes = passes_of(choice) if later else 0
        return round_work(method, train.number(size), pool, (validation, test), passes, choice)

    def _adaptation(self, stage: AdaptationStage) -> Work:
        settings, shape = stage.adaptation, shape_of(stage.backbone)
        step = self._corpora.step(stage.audio, settings)
        train = self._corpora.part(stage.audio, stage.fold, "train", settings.max_seconds)
        fewer = min(1.0, train.total / step.total) if step.total else 1.0  # a train part below one batch
        step = step.number(fewer * step.count)
        return (adaptation_work(settings, objective_of(settings, stage.backbone), shape, step, train),)

    def _pretraining(self, stage: PretrainingStage) -> Work:
        train, validation = (
            self._corpora.part(stage.audio, stage.fold, part, _ALL) for part in ("train", "validation")
        )
        return (pretraining_phase(stage.classifier, stage.step, train, validation),)

    def _frame_losses(self, stage: FrameLossesStage) -> Work:
        train = self._corpora.part(stage.audio, stage.fold, "train", stage.settings.max_seconds)
        return (frame_losses_phase(shape_of(stage.backbone), train),)

    def _features(self, stage: FeaturesStage) -> Work:
        longest = float(getattr(stage.features, "max_seconds", _ALL))
        return (features_phase(stage.features, self._corpora.whole(stage.audio, longest)),)


def adaptation_work(
    settings: Adaptation, objective: Objective, shape: Shape, step: Clips, train: Clips
) -> Phase:
    """The time of an adaptation: its steps and, where clusters are predicted, finding them.

    `step`: the clips of a mean step; `train`: those of the train part.
    """
    clip = per_clip(shape, step.seconds, step.square, front_end=False)
    front = shape.front_end * step.seconds
    passes = TRAINING * (clip + front) if settings.train_front_end else TRAINING * clip + FORWARD * front
    operations = settings.steps * step.count * passes
    if objective == "clusters":  # frames are clustered, then all of them are named
        whole = per_clip(shape, train.seconds, train.square, front_end=True)
        operations += 2 * FORWARD * train.count * whole
    if isinstance(settings, PseudoTaptSettings):
        operations += targets_work(settings, shape, train)
    group = Group(f"adapt by {objective}", digest_of(settings), shape, settings.precision)
    return Phase("total", operations, group)


def pretraining_phase(classifier: str, step: PretrainingStep, train: Clips, validation: Clips) -> Phase:
    """The time of a step of a pretraining: its updates and, before each look at validation, one over train.

    What is counted is the autoencoder of RH-emo, the only network that has a pretraining; heads that a step
    adds to it are in the rate that is measured of it.
    """
    each, pieces = ENCODER_MULTIPLICATIONS + DECODER_MULTIPLICATIONS, pieces_of(train)
    looks = step.evaluations * (pieces + pieces_of(validation))
    seen = TRAINING * step.updates(round(pieces)) * min(step.batch_size, pieces) + FORWARD * looks
    return Phase("total", seen * each, Group(f"pretrain {classifier} by {step.name}", digest_of(step)))


def frame_losses_phase(shape: Shape, clips: Clips) -> Phase:
    """The time of the frame losses of so many clips: each goes once through the whole backbone."""
    clip = per_clip(shape, clips.seconds, clips.square, front_end=True)
    return Phase("total", FORWARD * clips.count * clip, Group("make frame losses", "", shape))


def features_phase(settings: FeatureSettings, clips: Clips) -> Phase:
    """The time of one kind of features of so many clips."""
    shape = None
    per_second = PLAIN_FEATURES
    if isinstance(settings, FrontEndFeatures):
        shape = shape_of(settings.backbone)
        per_second = FORWARD * shape.front_end
    seconds = clips.total
    if isinstance(settings, CepstralFeatures | LogMelFeatures):
        seconds = clips.count * settings.seconds
    if isinstance(settings, MfccSegmentFeatures):
        seconds = segments_of(settings, clips) * settings.seconds
    return Phase("total", per_second * seconds, Group(f"make {settings.kind}", "", shape))
