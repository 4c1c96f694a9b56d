"""Stages: work whose result is stored and shared. A stage says what it means and what it needs.

Stages form chains: a stage holds the stages it is computed from, and its meaning holds their keys. Two
stages with the same key are the same work, whichever study asks for it.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition import EvidenceKind, Selector, evidence_of, parse
from after_ray.adaptation.settings import AdaptationSettings, FrameLossSettings, TaptSettings
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import ClassifierSettings
from after_ray.features._settings import FeatureSettings, of_backbone
from after_ray.initialization._settings import InitializationSettings
from after_ray.learning.settings import Restart
from after_ray.registry import source_digest
from after_ray.splits._settings import FoldChoice, FoldSettings, ValidationCap, ValidationSettings
from after_ray.store.keys import digest

FRAME_LOSSES = FrameLossSettings()


class Stage(ABC):
    """Work with a key. Raise `version` when the code of a stage gives other results for equal settings."""

    kind: ClassVar[str]
    version: ClassVar[int] = 1

    @abstractmethod
    def meaning(self) -> dict[str, Any]:
        """Settings and keys of needed stages, as JSON values."""

    @abstractmethod
    def needs(self) -> tuple[Stage, ...]:
        """The stages that must be finished before this one can run."""

    @cached_property
    def key(self) -> str:
        """Digest of what this stage means."""
        return digest(self.kind, self.version, self.meaning())


@dataclass(frozen=True)
class AudioStage(Stage):
    """A corpus decoded, mixed and resampled once. `corpus` is a name for people, not part of the key."""

    kind = "audio"
    manifest: str
    corpus: str = ""
    sample_rate: int = 16_000

    def meaning(self) -> dict[str, Any]:
        """Digest of the manifest (which holds the digests of the audio) and the target rate."""
        return {"manifest": self.manifest, "sample_rate": self.sample_rate}

    def needs(self) -> tuple[Stage, ...]:
        """Nothing: made from the corpus folder by the driver."""
        return ()


@dataclass(frozen=True)
class FoldsStage(Stage):
    """All folds of one corpus as a file, so that a fold is the same on every machine."""

    kind = "folds"
    manifest: str
    folds: FoldSettings
    validation: ValidationSettings

    def meaning(self) -> dict[str, Any]:
        """Digest of the manifest, how it is cut, how validation is drawn."""
        return {
            "manifest": self.manifest,
            "folds": self.folds.meaning(),
            "validation": self.validation.meaning(),
        }

    def needs(self) -> tuple[Stage, ...]:
        """Nothing: made by the driver, from the manifest."""
        return ()

    @classmethod
    def of(cls, audio: AudioStage, choice: FoldChoice) -> FoldsStage:
        """The folds that a choice is one of."""
        return cls(audio.manifest, choice.folds, choice.validation)


@dataclass(frozen=True)
class SelectionsStage(Stage):
    """What one trajectory acquired, to be replayed by others: rows of a manifest, in their order.

    `content` is the digest of the rows; the file that they were read from is in no key.
    """

    kind = "selections"
    manifest: str
    content: str

    def meaning(self) -> dict[str, Any]:
        """The manifest whose rows they are, and which."""
        return {"manifest": self.manifest, "content": self.content}

    def needs(self) -> tuple[Stage, ...]:
        """Nothing: made by the driver, from a file."""
        return ()

    @classmethod
    def of(cls, manifest: str, rows: NDArray[np.int64]) -> SelectionsStage:
        """The stage of these rows."""
        return cls(manifest, hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest())


@dataclass(frozen=True)
class AdaptationStage(Stage):
    """A backbone adapted, without labels, to the train part of one fold. `seed` is None when shared."""

    kind = "adaptation"
    audio: AudioStage
    fold: FoldChoice
    backbone: BackboneSettings
    adaptation: AdaptationSettings
    seed: int | None = None

    def meaning(self) -> dict[str, Any]:
        """Audio, fold, backbone, settings and, when repeated per seed, the seed."""
        return {
            "audio": self.audio.key,
            "fold": self.fold.meaning(),
            "backbone": self.backbone.meaning(),
            "adaptation": self.adaptation.meaning(),
            "seed": self.seed,
        }

    def needs(self) -> tuple[Stage, ...]:
        """The prepared audio and the folds."""
        return (self.audio, FoldsStage.of(self.audio, self.fold))


@dataclass(frozen=True)
class FeaturesStage(Stage):
    """Features of every utterance of a corpus; `adapted` is the adaptation whose front end makes them."""

    kind = "features"
    audio: AudioStage
    features: FeatureSettings
    adapted: AdaptationStage | None = None

    def meaning(self) -> dict[str, Any]:
        """Audio, kind of features and, if any, the adapted backbone."""
        adapted = None if self.adapted is None else self.adapted.key
        return {"audio": self.audio.key, "features": self.features.meaning(), "adapted": adapted}

    def needs(self) -> tuple[Stage, ...]:
        """The prepared audio and the adapted backbone."""
        return (self.audio,) if self.adapted is None else (self.audio, self.adapted)


@dataclass(frozen=True)
class FrameLossesStage(Stage):
    """How surprising the train part of a fold is to a backbone, adapted or as it was published."""

    kind = "frame_losses"
    audio: AudioStage
    fold: FoldChoice
    backbone: BackboneSettings
    adapted: AdaptationStage | None = None
    settings: FrameLossSettings = FRAME_LOSSES

    def meaning(self) -> dict[str, Any]:
        """Audio, fold, backbone and, if any, its adaptation, and what is masked and measured."""
        meaning: dict[str, Any] = {
            "audio": self.audio.key,
            "fold": self.fold.meaning(),
            "backbone": self.backbone.meaning(),
            "adapted": None if self.adapted is None else self.adapted.key,
            "settings": self.settings.meaning(),
        }
        if self.adapted is None:  # else the adaptation says it
            objective = self.objective
            meaning["objective"] = {
                "negatives": objective.negatives,
                "temperature": objective.temperature,
            }
        return meaning

    @property
    def objective(self) -> TaptSettings:
        """What is lost at a masked frame: the objective of the adaptation, or that of pre-training."""
        return TaptSettings() if self.adapted is None else self.adapted.adaptation

    def needs(self) -> tuple[Stage, ...]:
        """The prepared audio, the folds and the adapted backbone."""
        folds = FoldsStage.of(self.audio, self.fold)
        return (self.audio, folds) if self.adapted is None else (self.audio, folds, self.adapted)


@dataclass(frozen=True)
class FirstRoundStage(Stage):
    """Round 0: choose by initialization, label, train, evaluate. No strategy is in its key.

    `validation_cap`: `labelled` uses at most as many validation utterances as are labelled, in this round and
    in those that follow it. `seconds`: of audio that may be labelled; `size` is then only expected.
    `replayed`: what this round and those that follow it acquire; the initialization is then not run.
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
        if self.validation_cap != "none":  # came later than the first keys
            meaning["validation_cap"] = self.validation_cap
        if self.seconds is not None:
            meaning["seconds"] = round(self.seconds, 6)
        if self.replayed is not None:
            meaning["replayed"] = self.replayed.key
        return meaning

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
        """The features whose summaries say what utterances are like without any label (protocol ruling 4)."""
        return FeaturesStage(self.audio, self.classifier.initial_features(self.backbone), None)

    def needs(self) -> tuple[Stage, ...]:
        """Folds, features, initialization features, the adapted backbone and what is replayed."""
        folds = FoldsStage.of(self.audio, self.fold)
        wanted = (self.audio, folds, self.features, self.initial_features, self.adapted, self.replayed)
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
        own = [call.name for call in parse(self.strategy).calls() if call.own]
        if own:  # a user's own file, which may change under its name
            meaning["source"] = ",".join(source_digest(name) for name in own)
        if self.selector != "exact":  # came later than the first keys
            meaning["selector"] = self.selector
        if self.seconds is not None:
            meaning["seconds"] = round(self.seconds, 6)
        return {**meaning, **{name: stage.key for name, stage in self.evidence.items()}}

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
MADE_BY_DRIVER = (AudioStage, FoldsStage, SelectionsStage)


def rounds(last: FirstRoundStage | NextRoundStage) -> tuple[FirstRoundStage | NextRoundStage, ...]:
    """All rounds of the chain that ends with `last`, round 0 first."""
    return last.chain if isinstance(last, NextRoundStage) else (last,)


def foundations(stage: Stage) -> Iterator[Stage]:
    """Every stage that `stage` rests on and that is no round: of a chain, what all of its rounds rest on."""
    return (each for each in ancestors(stage) if not isinstance(each, FirstRoundStage | NextRoundStage))


def collect(stage: Stage, found: dict[str, Stage]) -> None:
    """Add a stage and all that it rests on to what was found, what is needed before what needs it."""
    for needed in stage.needs():
        if needed.key not in found:
            collect(needed, found)
    found.setdefault(stage.key, stage)


def ancestors(stage: Stage) -> Iterator[Stage]:
    """Every stage that `stage` rests on, nearest first, each once."""
    seen: set[str] = set()
    waiting = list(stage.needs())
    while waiting:
        current = waiting.pop(0)
        if current.key not in seen:
            seen.add(current.key)
            yield current
            waiting.extend(current.needs())
