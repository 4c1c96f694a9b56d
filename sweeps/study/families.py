"""Families of comparisons as a study declares them, before it runs: what it claims, corrected together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from after_ray.annotation import AnnotationSettings
from after_ray.settings import Settings
from sweeps.study.axes import as_list, in_digits, in_one_line

Compared = Literal[
    "strategy", "initialization", "adaptation", "method", "restart", "annotation", "label_noise"
]
Held = Literal[
    "corpus", "method", "adaptation", "strategy", "initialization", "restart", "annotation", "label_noise"
]
Value = Annotated[str, BeforeValidator(in_one_line), BeforeValidator(in_digits)]


class ComparisonFamily(Settings):
    """One family: all values of an axis against one of them, at some ratios, corrected together by Holm.

    Attributes:
        name: for people.
        compare: the axis.
        against: the value of it that all others are compared with.
        ratios: reported percents; all where empty.
        where: only cells with these values of other axes.
        metric: what is compared.

    Values are written as in the study's axes (`{name: votes, of: 3}`) or as tables name them (`votes(3)`).
    """

    name: str = Field(min_length=1, max_length=80)
    compare: Compared
    against: Value
    ratios: Annotated[tuple[float, ...], BeforeValidator(as_list)] = ()
    where: Mapping[Held, Value] = Field(default_factory=dict)
    metric: Literal["ua", "wa", "macro_f1"] = "ua"

    @field_validator("against", mode="before")
    @classmethod
    def _title_against(cls, value: Any, info: ValidationInfo) -> Any:
        return _titled(value) if info.data.get("compare") == "annotation" else value

    @field_validator("where", mode="before")
    @classmethod
    def _title_where(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "annotation" not in value:
            return value
        return {**value, "annotation": _titled(value["annotation"])}


def _titled(annotation: Any) -> Any:
    """An annotation as tables name it, of one that is written as a mapping; anything else as it is."""
    if not isinstance(annotation, dict):
        return annotation
    try:
        return AnnotationSettings.model_validate(annotation).title
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise PydanticCustomError("annotation", "{problem}", {"problem": problem}) from error


def digest_of(families: tuple[ComparisonFamily, ...], equivalence: float) -> str:
    """What the claims of a study are told apart by, whatever order its families are written in."""
    texts = sorted(json.dumps(family.model_dump(mode="json"), sort_keys=True) for family in families)
    return hashlib.sha256("\n".join([f"{equivalence:g}", *texts]).encode()).hexdigest()
