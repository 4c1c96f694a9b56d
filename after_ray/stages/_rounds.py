"""Rounds: each holds the round before it, so that a trajectory is a chain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from after_ray.acquisition import EvidenceKind, Selector, evidence_of, parse
from after_ray.adaptation.settings import FrameLossSettings
from after_ray.annotation import CORPUS, AnnotationSettings
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import ClassifierSettings, is_own
from after_ray.features._settings import of_backbone
from after_ray.initialization._settings import InitializationSettings
from after_ray.learning.settings import Restart
from after_ray.splits._settings import FoldChoice, ValidationCap
from after_ray.stages._base import Stage
from after_ray.stages._shared import (
    FRAME_LOSSES,
    AdaptationStage,
    AudioStage,
    FeaturesStage,
    FoldsStage,
    FrameLossesStage,
    PretrainingStage,
    SelectionsStage,
)


@dataclass(frozen=True)
class FirstRoundStage(Stage):
    """Round 0: choose by initialization, label, train, evaluate. No strategy is in its key.

    `validation_cap`: `labelled` uses at most as many validation utterances as are labelled, in this round and
    in those that follow it. `seconds`: of audio that may be labelled; `size` is then only expected.
    `replayed`: what this round and those that follow it acquire; the initialization is then not run.
    `pretrained`: the last step of what the classifier learned before; None of one that learns nothing before.
    `annotation` and `label_noise`: what the oracle answers, in this round and in those that follow it.
    """

    kind = "round"
    audio: AudioStage
    fold: FoldChoice
    classifier: ClassifierSettings
    initialization: InitializationSettings
    size: int
    seed: int
    backbone: BackboneSettings | None = None
    adapted: AdaptationStage | None = None
    validation_cap: ValidationCap = "none"
    seconds: float | None = None
    replayed: SelectionsStage | None = None
    pretrained: PretrainingStage | None = None
    annotation: AnnotationSettings = CORPUS
    label_noise: float = 0.0

    def meaning(self) -> dict[str, Any]:
        """Everything but a strategy."""
        meaning: dict[str, Any] = {
            "audio": self.audio.key,
            "features": self.features.key,
            "initial_features": None if self.initial_features is None else self.initial_features.key,
            "fold": self.fold.meaning(),
            "classifier": self.classifier.meaning(),
            "initialization": self.initialization.meaning(),
            "size": self.size,
            "seed": self.seed,
            "backbone": None if self.backbone is None else self.backbone.meaning(),
            "adapted": None if self.adapted is None else self.adapted.key,
        }
        if self.classifier.version != 1:
            meaning["classifier_version"] = self.classifier.version
        if self.own_code:  # a user's own file, which may change under its name
            meaning["source"] = self._source()
        if self.validation_cap != "none":  # came later than the first keys
            meaning["validation_cap"] = self.validation_cap
        if self.seconds is not None:
            meaning["seconds"] = round(self.seconds, 6)
        if self.replayed is not None:
            meaning["replayed"] = self.replayed.key
        if self.pretrained is not None:
            meaning["pretrained"] = self.pretrained.key
        if self.annotation != CORPUS:
            meaning["annotation"] = self.annotation.meaning()
        if self.label_noise:
            meaning["label_noise"] = float(self.label_noise)
        return meaning

    @property
    def own_code(self) -> tuple[str, ...]:
        """The classifier, where it is a user's own."""
        return (self.classifier.name,) if is_own(self.classifier.name) else ()

    @property
    def annotated(self) -> bool:
        """Whether the oracle answers anything but the corpus' own labels."""
        return self.annotation != CORPUS or self.label_noise > 0

    @cached_property
    def features(self) -> FeaturesStage:
        """The features the classifier is trained on."""
        features = self.classifier.features(self.backbone)
        return FeaturesStage(self.audio, features, self.adapted if of_backbone(features) else None)

    @cached_property
    def initial_features(self) -> FeaturesStage | None:
        """The features of the clustering initialization: those before adaptation; None for the others."""
        unasked = self.initialization.name == "random" or self.replayed is not None
        return None if unasked else self.summaries

    @cached_property
    def summaries(self) -> FeaturesStage:
        """The features whose summaries say what utterances are like without any label."""
        return FeaturesStage(self.audio, self.classifier.initial_features(self.backbone), None)

    def needs(self) -> tuple[Stage, ...]:
        """Folds, features, initialization features, adapted backbone, pretraining and what is replayed."""
        folds = FoldsStage.of(self.audio, self.fold)
        of_model = (self.adapted, self.pretrained)
        wanted = (self.audio, folds, self.features, self.initial_features, *of_model, self.replayed)
        return tuple({stage.key: stage for stage in wanted if stage is not None}.values())


@dataclass(frozen=True)
class NextRoundStage(Stage):
    """A later round: acquire with `strategy`, label, train, evaluate; its key chains to the round before.

    `selector` is how utterances are taken by the strategy's scores; `seconds` as in round 0; `frame_losses`
    how those are measured that the strategy may ask for, in the key only where it does.
    """

    kind = "round"
    previous: FirstRoundStage | NextRoundStage
    size: int
    strategy: str
    restart: Restart
    selector: Selector = "exact"
    seconds: float | None = None
    frame_losses: FrameLossSettings = FRAME_LOSSES

    def meaning(self) -> dict[str, Any]:
        """The round before and what is done now."""
        meaning: dict[str, Any] = {
            "previous": self.previous.key,
            "size": self.size,
            "strategy": self.strategy,
            "restart": self.restart,
        }
        if self.own_code:  # a user's own file, which may change under its name
            meaning["source"] = self._source()
        if self.selector != "exact":  # came later than the first keys
            meaning["selector"] = self.selector
        if self.seconds is not None:
            meaning["seconds"] = round(self.seconds, 6)
        return {**meaning, **{name: stage.key for name, stage in self.evidence.items()}}

    def checked_meaning(self) -> dict[str, Any]:
        """As of any stage; the classifier is that of round 0."""
        self.first.checked_meaning()
        return super().checked_meaning()

    @property
    def own_code(self) -> tuple[str, ...]:
        """Strategies of a user's own, within others as well."""
        return tuple(call.name for call in parse(self.strategy).calls() if call.own)

    def needs(self) -> tuple[Stage, ...]:
        """The round before, and what the strategy's evidence is made of."""
        return (self.previous, *self.evidence.values())

    @cached_property
    def evidence(self) -> dict[str, Stage]:
        """The stages that know of train, without labels, what the strategy asks; by the kind of evidence."""
        asked, first = evidence_of(self.strategy), self.first
        made: dict[str, Stage] = {}
        if EvidenceKind.SUMMARIES in asked:
            made[EvidenceKind.SUMMARIES.value] = first.summaries
        if EvidenceKind.FRAME_LOSSES in asked and first.backbone is not None:
            made[EvidenceKind.FRAME_LOSSES.value] = FrameLossesStage(
                first.audio, first.fold, first.backbone, first.adapted, self.frame_losses
            )
        if EvidenceKind.RECORDED in asked and first.replayed is not None:
            made[EvidenceKind.RECORDED.value] = first.replayed
        return made

    @cached_property
    def first(self) -> FirstRoundStage:
        """Round 0 of this chain."""
        return self.chain[0]  # type: ignore[return-value]

    @cached_property
    def chain(self) -> tuple[FirstRoundStage | NextRoundStage, ...]:
        """All rounds from round 0 to this one."""
        return (*rounds(self.previous), self)


# Before anything is launched; the others are trials.


def rounds(last: FirstRoundStage | NextRoundStage) -> tuple[FirstRoundStage | NextRoundStage, ...]:
    """All rounds of the chain that ends with `last`, round 0 first."""
    return last.chain if isinstance(last, NextRoundStage) else (last,)
