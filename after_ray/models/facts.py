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
from after_ray.settings import Settings

FACTS_FILE = "after_ray.json"
FORMAT = 1  # of that file; readers refuse what they do not know
Kind: TypeAlias = Literal["transformer", "network", "functionals"]


class Scripted(Settings):
    """The TorchScript file of a model: its name, which has no path parts, and its sha256."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=100)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ModelFacts(Settings):
    """All that is needed to score with the weights beside it.

    Attributes:
        format: of the file.
        kind: whose weights they are: a `transformer` that plain transformers loads too, another `network`, or
            `functionals`.
        classes: in the order of probabilities, which is that of manifests.
        classifier, features: as the study had them.
        backbone: by its configuration alone, so that neither a hub nor another folder is asked.
        study, key: the study's name, and the key of the round whose weights they are.
        max_seconds: how much of an utterance is heard at most; None where all of it is.
        version: of the package that wrote the folder.
        scripted: the TorchScript file, where there is one.
    """

    format: int = Field(default=FORMAT, ge=FORMAT, le=FORMAT)
    kind: Kind
    classes: tuple[str, ...] = Field(min_length=2)
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
