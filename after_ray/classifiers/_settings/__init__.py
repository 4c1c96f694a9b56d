"""Settings of classifiers, one per file; importable without torch: a study is validated in milliseconds."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from after_ray.classifiers._settings._base import Stepped, Trained
from after_ray.classifiers._settings._on_backbone import OnBackbone
from after_ray.classifiers._settings._pretraining import PretrainingStep
from after_ray.classifiers._settings.functionals import FunctionalsSettings
from after_ray.classifiers._settings.glam import GlamSettings
from after_ray.classifiers._settings.light_sernet import LightSerNetSettings
from after_ray.classifiers._settings.lssed import LssedSettings
from after_ray.classifiers._settings.pooled_transformer import PooledTransformerSettings
from after_ray.classifiers._settings.rh_emo import RhEmoSettings
from after_ray.classifiers._settings.w2v2_l_r_12 import W2v2LR12Settings

_Known = (
    PooledTransformerSettings
    | LightSerNetSettings
    | GlamSettings
    | LssedSettings
    | RhEmoSettings
    | W2v2LR12Settings
    | FunctionalsSettings
)

ClassifierSettings = Annotated[_Known, Field(discriminator="name")]

__all__ = [
    "ClassifierSettings",
    "FunctionalsSettings",
    "GlamSettings",
    "LightSerNetSettings",
    "LssedSettings",
    "OnBackbone",
    "PooledTransformerSettings",
    "PretrainingStep",
    "RhEmoSettings",
    "Stepped",
    "Trained",
    "W2v2LR12Settings",
    "can_continue",
    "needs_backbone",
    "version_of",
]


def version_of(name: str) -> int:
    """The version of a classifier's code."""
    return {known.model_fields["name"].default: known.version for known in get_args(_Known)}[name]


def needs_backbone(settings: ClassifierSettings) -> bool:
    """Whether a classifier is built on a backbone (and adaptation therefore means something)."""
    return settings.on_backbone


def can_continue(settings: ClassifierSettings) -> bool:
    """Whether `restart: previous` differs from starting afresh."""
    return settings.continues
