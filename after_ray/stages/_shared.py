"""Stages that trajectories share: audio, folds, selections, adaptations, features, pretrainings, losses."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.adaptation.settings import AdaptationSettings, FrameLossSettings, TaptSettings
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import (
    ClassifierSettings,
    PretrainingStep,
    is_own,
    version_of,
)
from after_ray.features._settings import FeatureSettings
from after_ray.splits._settings import FoldChoice, FoldSettings, ValidationSettings
from after_ray.stages._base import Stage

FRAME_LOSSES = FrameLossSettings()


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
    """A backbone adapted to the train part of one fold. `seed` is None when shared."""

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
class PretrainingStage(Stage):
    """One step of what a classifier learns on the train part of a fold before round 0.

    `previous` is the step whose weights it goes on from; `seed` is None when shared. `all_labels`:
    whether the classifier's settings say that labels of all of train are read; no step is told any else.
    """

    kind = "pretraining"
    audio: AudioStage
    fold: FoldChoice
    features: FeaturesStage
    classifier: str
    step: PretrainingStep
    previous: PretrainingStage | None = None
    seed: int | None = None
    all_labels: bool = field(default=False, compare=False)  # of the settings, whose other meaning the key has

    @classmethod
    def of(
        cls,
        audio: AudioStage,
        fold: FoldChoice,
        features: FeaturesStage,
        classifier: ClassifierSettings,
        seed: int,
    ) -> PretrainingStage | None:
        """The last step of a classifier's pretraining; None where it has none."""
        own_seed, told = seed if classifier.pretrained_per_seed else None, classifier.needs_all_labels
        last: PretrainingStage | None = None
        for step in classifier.pretraining:
            last = cls(audio, fold, features, classifier.name, step, last, own_seed, told)
        return last

    def meaning(self) -> dict[str, Any]:
        """Audio, fold, features, what is learned how, the step before and, if it is repeated, the seed."""
        meaning: dict[str, Any] = {
            "audio": self.audio.key,
            "fold": self.fold.meaning(),
            "features": self.features.key,
            "classifier": self.classifier,
            "step": self.step.meaning(),
            "previous": None if self.previous is None else self.previous.key,
            "seed": self.seed,
        }
        version = version_of(self.classifier)
        if version != 1:
            meaning["classifier_version"] = version
        if self.own_code:
            meaning["source"] = self._source()
        return meaning

    @property
    def own_code(self) -> tuple[str, ...]:
        """The classifier, where it is a user's own."""
        return (self.classifier,) if is_own(self.classifier) else ()

    def needs(self) -> tuple[Stage, ...]:
        """The prepared audio, the folds, the features and the step before."""
        wanted = (self.audio, FoldsStage.of(self.audio, self.fold), self.features)
        return wanted if self.previous is None else (*wanted, self.previous)


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
            objective = TaptSettings()
            meaning["objective"] = {
                "negatives": objective.negatives,
                "temperature": objective.temperature,
            }
        return meaning

    @property
    def objective(self) -> AdaptationSettings:
        """What is lost at a masked frame: the objective of the adaptation, or that of pre-training."""
        return TaptSettings() if self.adapted is None else self.adapted.adaptation

    def needs(self) -> tuple[Stage, ...]:
        """The prepared audio, the folds and the adapted backbone."""
        folds = FoldsStage.of(self.audio, self.fold)
        return (self.audio, folds) if self.adapted is None else (self.audio, folds, self.adapted)
