"""Protocols: named sets of the decisions that the paper leaves open; every one can be overridden."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from after_ray.learning.settings import FirstRoundSettings, FittingSettings, Restart
from after_ray.settings import Settings
from after_ray.splits._settings import FoldRequest, ValidationRequest

# `paper_strict` trains exactly as long as the paper says, however few updates a small round then has.
# `official_code` tests on half of what is held out, chooses weights by the other half, has the second
# fold only; its selector, its order of training and its last-epoch weights are not part of the preset.
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "paper_strict": {"fitting": {"min_updates": 0}},
    "official_code": {
        "validation": {"draw": "half_of_test"},
        "fold": [1],
        "restart": "pretrained",
        "fitting": {"max_epochs": 30, "min_updates": 0, "class_weights": "inverse_frequency"},
    },
}
Index = Annotated[int, Field(ge=0, strict=True)]


class Protocol(Settings):
    """The decisions shared by all classifiers of a study (list: docs/architecture.md).

    `fold` and `restart` are the defaults of the study's axes of that name. `fitting` applies to the pooled
    transformer; other classifiers carry their own schedules (protocol ruling 7).
    """

    preset: Literal["paper", "paper_strict", "official_code"] = "paper"
    folds: FoldRequest = FoldRequest()
    validation: ValidationRequest = ValidationRequest()
    fold: Literal["all"] | tuple[Index, ...] = "all"
    first_round: FirstRoundSettings = FirstRoundSettings()
    restart: Restart = "previous"
    fitting: FittingSettings = FittingSettings()

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, value: Any) -> Any:
        """`paper` is short for `{preset: paper}`; what is written overrides what the preset says."""
        if isinstance(value, str):
            value = {"preset": value}
        if not isinstance(value, dict):
            return value
        preset = PRESETS.get(str(value.get("preset", "paper")), {})
        return _merged(preset, {key: _in_full(key, item) for key, item in value.items()})


def _in_full(key: str, value: Any) -> Any:
    """Short forms spelled out, so that a preset's other entries of the same block stay."""
    short = {"folds": "scheme", "validation": "draw"}
    return {short[key]: value} if key in short and isinstance(value, str) else value


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], value) if both else value
    return result
