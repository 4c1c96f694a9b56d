"""What a model folder says of itself, in `after_ray.json`; importable without torch."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import (
    ClassifierSettings,
    FunctionalsSettings,
    OnBackbone,
    PooledTransformerSettings,
    W2v2LR12Settings,
)
from after_ray.features._settings import CepstralFeatures, FeatureSettings, LogMelFeatures
from after_ray.manifest import FEWEST_CLASSES, MOST_CLASSES
from after_ray.settings import Settings

FACTS_FILE = "after_ray.json"
FORMAT = 1  # of that file; readers refuse what they do not know
ClassName: TypeAlias = Annotated[str, Field(min_length=1)]
Kind: TypeAlias = Literal["transformer", "network", "functionals"]


class Scripted(Settings):
    """The TorchScript file of a model: its name, which is always the same, and its sha256."""

    file: Literal["model.ts"] = "model.ts"
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ModelFacts(Settings):
    """All that is needed to score with the weights beside it.

    Attributes:
        format: of the file.
        kind: whose weights they are: a `transformer` that plain transformers loads too, another `network`, or
            `functionals`.
        classes: in the order of probabilities, which is that of manifests; each once, and printable.
        classifier, features: as the study had them; the features are those that the classifier asks for.
        backbone: by its configuration alone, so that neither a hub nor another folder is asked.
        study, key: the study's name, and the key of the round whose weights they are.
        max_seconds: how much of an utterance is heard at most, as classifier and features say; None where all
            of it is.
        version: of the package that wrote the folder.
        scripted: the TorchScript file, where there is one.
    """

    format: int = Field(default=FORMAT, ge=FORMAT, le=FORMAT)
    kind: Kind
    classes: tuple[ClassName, ...] = Field(min_length=FEWEST_CLASSES, max_length=MOST_CLASSES)
    classifier: ClassifierSettings
    features: FeatureSettings
    backbone: BackboneSettings | None = None
    study: str = ""
    key: str = ""
    max_seconds: float | None = None
    version: str = ""
    scripted: Scripted | None = None

    @model_validator(mode="after")
    def _asks_for_no_other_place(self) -> Self:
        """No hub and no folder is looked at for a model, whatever its facts say."""
        of_features = getattr(self.features, "backbone", self.backbone)
        if self.backbone is not None and self.backbone.name is not None:
            raise ValueError(
                f"the backbone is told by its configuration, not by the name {self.backbone.name}"
            )
        if of_features != self.backbone:
            raise ValueError("the backbone of the features is not that of the classifier")
        return self

    @model_validator(mode="after")
    def _classes_are_told_apart(self) -> Self:
        """Names are columns of tables and keys of JSON, and a terminal shows them."""
        for name in self.classes:
            if not name.isprintable():
                raise ValueError(f"the class {name!r} has characters that cannot be shown")
            if self.classes.count(name) > 1:
                raise ValueError(f"the class {name!r} is named more than once")
        return self

    @model_validator(mode="after")
    def _says_what_follows_from_the_classifier(self) -> Self:
        """What is said twice is said alike, so that sizes and limits are those of the classifier."""
        if self.kind != kind_of(self.classifier):
            raise ValueError(f"'{self.classifier.name}' is no model of kind {self.kind}")
        if self.features != self.classifier.features(self.backbone):
            raise ValueError(f"the features are not those of the classifier '{self.classifier.name}'")
        heard = heard_seconds(self.classifier, self.features)
        if self.max_seconds != heard:
            told = "all" if heard is None else f"{heard:g} s"
            raise ValueError(
                f"max_seconds is {self.max_seconds}, and '{self.classifier.name}' hears {told} of a clip"
            )
        return self


def kind_of(classifier: ClassifierSettings) -> Kind:
    """What kind of model a classifier makes; one of a user's own is a network, whatever it extends."""
    if type(classifier) in (PooledTransformerSettings, W2v2LR12Settings):
        return "transformer"
    return "functionals" if type(classifier) is FunctionalsSettings else "network"


def heard_seconds(classifier: ClassifierSettings, features: FeatureSettings) -> float | None:
    """How much of an utterance is heard at most; None where all of it is."""
    if isinstance(classifier, OnBackbone):
        return classifier.max_seconds
    if isinstance(features, CepstralFeatures | LogMelFeatures):
        return float(features.seconds)
    return None
