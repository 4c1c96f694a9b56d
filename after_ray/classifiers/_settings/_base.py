"""What the settings of every classifier can say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from after_ray.acquisition import EvidenceKind
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings._pretraining import PretrainingStep
from after_ray.features._settings import FeatureSettings
from after_ray.settings import Settings, neutral
from after_ray.training.settings import Precision


class Trained(Settings, ABC):
    """What the settings of every classifier can say.

    `version` is raised when a classifier's code gives other results for equal settings; it is in the keys of
    its rounds. `dropout_in` names the setting that says how much of what the linear head sees is dropped;
    `without_labels` says what to do so that `needs_all_labels` is False.
    """

    version: ClassVar[int] = 1
    on_gpu: ClassVar[bool] = True  # whether a GPU would do any of its work
    on_backbone: ClassVar[bool] = False
    continues: ClassVar[bool] = True  # whether a training can go on from weights (a convex problem cannot)
    dropout_in: ClassVar[str] = ""  # where there is no such setting
    without_labels: ClassVar[str] = "Take the steps 'with_labels' out of its 'pretraining'"

    name: str  # narrowed by every classifier; here, so that it is listed first

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
    def needs_all_labels(self) -> bool:
        """Whether something is made with the labels of all of train before round 0, whatever the schedule.

        No step of its pretraining is told a label where this is False.
        """
        return any(step.with_labels for step in self.pretraining)

    @property
    def pretraining(self) -> tuple[PretrainingStep, ...]:
        """What is learned on train before round 0, step by step; each is a stage that rounds share."""
        return ()

    @property
    def pretrained_per_seed(self) -> bool:
        """Whether every seed has a pretraining of its own, where there is one."""
        return False

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


class Stepped(Trained):
    """A network with its own schedule in optimiser steps, on pieces of utterances of one shape.

    `steps` scales a published schedule as a whole; `epochs` says its length in passes over what is labelled
    instead. `evaluations` are spread evenly over the training, `patience` counts those without improvement
    (0 never stops early). `rate: constant` leaves the published changes of the learning rate out.
    """

    scheduled: ClassVar[bool] = True  # whether changes of the learning rate are published

    steps: int = Field(default=3000, ge=1)
    epochs: Annotated[int, Field(ge=1)] | None = neutral(None)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    weight_decay: Annotated[float, Field(ge=0)] = neutral(0.0)
    rate: Literal["published", "constant"] = neutral("published")
    evaluations: int = Field(default=20, ge=1)
    patience: Annotated[int, Field(ge=0)] = neutral(0)
    precision: Precision = neutral("fp32")

    @property
    def of_passes(self) -> Precision:
        """That of training steps."""
        return self.precision

    def updates(self, pieces: int) -> int:
        """Optimiser steps of a training on so many pieces."""
        return self.steps if self.epochs is None else self.epochs * -(-pieces // self.batch_size)

    def meaning(self) -> dict[str, Any]:
        """The settings that are read: `steps` if it says the length, `rate` if it changes as published."""
        unused = {"steps": self.epochs is not None, "rate": not self.scheduled}
        return {name: value for name, value in super().meaning().items() if not unused.get(name)}
