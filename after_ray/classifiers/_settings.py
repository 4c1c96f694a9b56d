"""Settings of classifiers; importable without torch, so that a study is validated in milliseconds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from after_ray.acquisition import EvidenceKind
from after_ray.backbones.settings import BackboneSettings
from after_ray.features._settings import (
    CepstralFeatures,
    FeatureSettings,
    FrontEndFeatures,
    FunctionalFeatures,
    WaveformFeatures,
)
from after_ray.learning.settings import FittingSettings, Precision
from after_ray.settings import Settings, neutral


class _Trained(Settings, ABC):
    """What the settings of every classifier can say.

    `version` is raised when a classifier's code gives other results for equal settings; it is in the keys of
    its rounds. `dropout_in` names the setting that says how much of what the linear head sees is dropped.
    """

    version: ClassVar[int] = 1
    on_gpu: ClassVar[bool] = True  # whether a GPU would do any of its work
    on_backbone: ClassVar[bool] = False
    dropout_in: ClassVar[str] = ""  # where there is no such setting

    @abstractmethod
    def features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """The features this classifier is trained on."""

    @property
    def of_passes(self) -> Precision:
        """The number format of its passes through a network."""
        return "fp32"

    def initial_features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """The features that the clustering initialization groups by."""
        return self.features(backbone)

    @property
    def head_dropout_share(self) -> float:
        """The share of what the linear head sees that dropout drops; 0 for a head without."""
        return float(getattr(self, self.dropout_in)) if self.dropout_in else 0.0

    @property
    def evidence(self) -> frozenset[EvidenceKind]:
        """What a strategy may ask of it: draws only with dropout in the head, losses only on a backbone."""
        lacking = set()
        if self.head_dropout_share == 0:
            lacking.add(EvidenceKind.DROPOUT_DRAWS)
        if not self.on_backbone:
            lacking.add(EvidenceKind.FRAME_LOSSES)
        return frozenset(EvidenceKind) - lacking


class PooledTransformerSettings(_Trained):
    """AFTER's classifier: transformer encoder, masked mean over time, linear layer.

    With `freeze_front_end: false` the convolutional front end is trained as well, from waveforms (D22).
    """

    version: ClassVar[int] = 2  # 2: passes cut at the least cost, dropout on processors from a generator
    on_backbone: ClassVar[bool] = True
    dropout_in: ClassVar[str] = "head_dropout"

    name: Literal["pooled_transformer"] = "pooled_transformer"
    max_seconds: float = Field(default=10.0, gt=0)
    freeze_front_end: bool = neutral(True)
    freeze_projection: bool = True
    drop_last_frame: bool = False
    head_dropout: float = Field(default=0.0, ge=0, lt=1)
    mask_time_probability: float = Field(default=0.08, ge=0, lt=1)
    mask_time_span: int = Field(default=15, ge=1)
    mask_time_min_spans: int = Field(default=2, ge=0)
    mask_feature_probability: float = Field(default=0.05, ge=0, lt=1)
    mask_feature_span: int = Field(default=64, ge=1)
    mask_feature_min_spans: int = Field(default=1, ge=0)
    fitting: FittingSettings = FittingSettings()

    @model_validator(mode="after")
    def _nothing_frozen_above_what_is_trained(self) -> PooledTransformerSettings:
        if self.freeze_projection and not self.freeze_front_end:
            raise ValueError(
                "'freeze_front_end: false' trains the layers below the projection, which cannot stay frozen "
                "then; add 'freeze_projection: false', or leave the front end frozen"
            )
        return self

    def features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """The features this classifier is trained on."""
        frozen = self.initial_features(backbone)
        return frozen if self.freeze_front_end else WaveformFeatures(max_seconds=self.max_seconds)

    @property
    def of_passes(self) -> Precision:
        """That of the fitting."""
        return self.fitting.precision

    def initial_features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """Output of the frozen front end, also where a front end is trained (D7)."""
        if backbone is None:
            raise ValueError("pooled_transformer needs a backbone")
        return FrontEndFeatures(backbone=backbone, max_seconds=self.max_seconds)


class LightSerNetSettings(_Trained):
    """Light-SERNet (Aftab et al. 2022) with its own schedule in optimiser steps.

    The published 300 epochs are about 24,000 steps on IEMOCAP; `steps` scales the schedule as a whole,
    learning-rate drops at the published shares of it.
    """

    dropout_in: ClassVar[str] = "dropout"

    name: Literal["light_sernet"] = "light_sernet"
    seconds: Literal[3, 7] = 3
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    focal_gamma: float = Field(default=2.0, ge=0)
    steps: int = Field(default=3000, ge=1)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    evaluations: int = Field(default=20, ge=1)
    precision: Precision = neutral("fp32")

    def features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """The features this classifier is trained on."""
        return CepstralFeatures(seconds=self.seconds)

    @property
    def of_passes(self) -> Precision:
        """That of training steps."""
        return self.precision


class FunctionalsSettings(_Trained):
    """Acoustic functionals, standardised, with multinomial logistic regression."""

    on_gpu: ClassVar[bool] = False

    name: Literal["functionals"] = "functionals"
    regularization: float = Field(default=1.0, gt=0, description="inverse strength C of the L2 penalty")

    def features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """The features this classifier is trained on."""
        return FunctionalFeatures()


ClassifierSettings = Annotated[
    PooledTransformerSettings | LightSerNetSettings | FunctionalsSettings, Field(discriminator="name")
]


def version_of(name: str) -> int:
    """The version of a classifier's code."""
    known = (PooledTransformerSettings, LightSerNetSettings, FunctionalsSettings)
    return {settings.model_fields["name"].default: settings.version for settings in known}[name]


def needs_backbone(settings: ClassifierSettings) -> bool:
    """Whether a classifier is built on a backbone (and adaptation therefore means something)."""
    return settings.on_backbone


def can_continue(settings: ClassifierSettings) -> bool:
    """Whether `restart: previous` differs from starting afresh (a convex problem has one solution)."""
    return not isinstance(settings, FunctionalsSettings)
