"""Settings of RH-emo."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings._base import Stepped
from after_ray.classifiers._settings._pretraining import PretrainingStep
from after_ray.features._settings import FeatureSettings, MagnitudeFeatures

DROPOUT = {"resnet50": 0.0, "alexnet": 0.0, "vgg16": 0.5}  # published, before the last layer


class ReconstructionSettings(PretrainingStep):
    """First step: an autoencoder learns to give spectrograms back, without labels."""

    name: Literal["reconstruction"] = "reconstruction"
    batch_size: int = Field(default=50, ge=1)


class EmotionSettings(PretrainingStep):
    """Second step: from the first one on, it also learns the emotions of all of train.

    The loss is that of the first step, and `emotion_weight` times the cross-entropy of classes.
    """

    with_labels: ClassVar[bool] = True

    name: Literal["emotion"] = "emotion"
    batch_size: int = Field(default=20, ge=1)
    learning_rate: float = Field(default=1e-6, gt=0)
    weight_decay: float = Field(default=1e-5, ge=0)
    emotion_weight: float = Field(default=0.01, ge=0)
    head_width: int = Field(default=4096, ge=1)
    head_dropout: float = Field(default=0.5, ge=0, lt=1)


class RhEmoSettings(Stepped):
    """RH-emo (Guizzo et al. 2023): a network over quaternions on what a frozen, pretrained encoder hears.

    The encoder is pretrained on all of train, once for all seeds (`repeat: shared`) or for each; with
    `supervised`, as published, by the labels of all of train as well, so that nothing is left to acquire.
    """

    dropout_in: ClassVar[str] = "dropout"
    scheduled: ClassVar[bool] = False
    without_labels: ClassVar[str] = "Set 'supervised: false', which reads none"

    name: Literal["rh_emo"] = "rh_emo"
    network: Literal["resnet50", "alexnet", "vgg16"] = "resnet50"
    dropout: float = Field(default=0.0, ge=0, lt=1, description="before the last layer; vgg16 has 0.5")
    batch_size: int = Field(default=20, ge=1)
    learning_rate: float = Field(default=1e-5, gt=0)
    supervised: bool = True
    repeat: Literal["shared", "per_seed"] = "shared"
    reconstruction: ReconstructionSettings = ReconstructionSettings()
    emotion: EmotionSettings = EmotionSettings()

    @model_validator(mode="before")
    @classmethod
    def _dropout_of_the_network(cls, value: Any) -> Any:
        """Where none is written, that of the network."""
        if not isinstance(value, dict) or "dropout" in value:
            return value
        return {"dropout": DROPOUT.get(str(value.get("network", "resnet50")), 0.0), **value}

    @model_validator(mode="after")
    def _no_settings_of_a_step_that_is_not_taken(self) -> Self:
        changed = self.emotion.model_dump(exclude_defaults=True)
        if changed and not self.supervised:
            raise ValueError(
                f"'emotion' has {', '.join(f'{name}: {value}' for name, value in changed.items())} and "
                "'supervised' is false, so that this step is not taken; allowed without labels: no 'emotion' "
                "block, so remove it, or set 'supervised: true', which reads all labels of train"
            )
        return self

    @property
    def pretraining(self) -> tuple[PretrainingStep, ...]:
        """One step, or with labels two."""
        return (self.reconstruction, self.emotion) if self.supervised else (self.reconstruction,)

    @property
    def pretrained_per_seed(self) -> bool:
        """Whether seeds have encoders of their own."""
        return self.repeat == "per_seed"

    def features(self, backbone: BackboneSettings | None) -> FeatureSettings:
        """The features this classifier is trained on."""
        return MagnitudeFeatures()

    def meaning(self) -> dict[str, Any]:
        """The settings, those of a step that is not taken left out."""
        unused = () if self.supervised else ("emotion",)
        return {name: value for name, value in super().meaning().items() if name not in unused}
