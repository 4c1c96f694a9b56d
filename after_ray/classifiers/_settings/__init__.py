"""Settings of classifiers, one per file; importable without torch: a study is validated in milliseconds."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import Field, PlainValidator, SerializeAsAny, TypeAdapter
from pydantic_core import PydanticCustomError

from after_ray.classifiers._settings._base import Stepped, Trained
from after_ray.classifiers._settings._on_backbone import OnBackbone
from after_ray.classifiers._settings._own import is_own, own_model
from after_ray.classifiers._settings._pretraining import PretrainingStep
from after_ray.classifiers._settings.functionals import FunctionalsSettings
from after_ray.classifiers._settings.glam import GlamSettings
from after_ray.classifiers._settings.light_sernet import LightSerNetSettings
from after_ray.classifiers._settings.lssed import LssedSettings
from after_ray.classifiers._settings.pooled_transformer import PooledTransformerSettings
from after_ray.classifiers._settings.rh_emo import RhEmoSettings
from after_ray.classifiers._settings.w2v2_l_r_12 import W2v2LR12Settings
from after_ray.errors import AfterRayError

_Known = (
    PooledTransformerSettings
    | LightSerNetSettings
    | GlamSettings
    | LssedSettings
    | RhEmoSettings
    | W2v2LR12Settings
    | FunctionalsSettings
)

_KNOWN: TypeAdapter[_Known] = TypeAdapter(Annotated[_Known, Field(discriminator="name")])


def _validated(value: Any) -> Trained:
    """Settings by their name: of the package, or of a user's own class."""
    if isinstance(value, Trained):
        return value
    name = value.get("name") if isinstance(value, dict) else None
    if not (isinstance(name, str) and is_own(name)):
        return _KNOWN.validate_python(value)
    try:
        model = own_model(name)
    except AfterRayError as error:
        raise PydanticCustomError("own_classifier", "{sentence}", {"sentence": str(error)}) from error
    return model.model_validate(value)


ClassifierSettings = Annotated[SerializeAsAny[Trained], PlainValidator(_validated)]

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
    "is_own",
    "needs_backbone",
    "own_model",
    "version_of",
]


def version_of(name: str) -> int:
    """The version of a classifier's code."""
    if is_own(name):
        return own_model(name).version
    return {known.model_fields["name"].default: known.version for known in get_args(_Known)}[name]


def needs_backbone(settings: ClassifierSettings) -> bool:
    """Whether a classifier is built on a backbone (and adaptation therefore means something)."""
    return settings.on_backbone


def can_continue(settings: ClassifierSettings) -> bool:
    """Whether `restart: previous` differs from starting afresh."""
    return settings.continues
