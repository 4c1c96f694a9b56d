"""Protocols: named sets of the decisions that the paper leaves open; every one can be overridden."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from after_ray.learning.settings import FirstRoundSettings, FittingSettings, Restart
from after_ray.settings import Settings
from after_ray.splits._settings import FoldSettings, ValidationSettings

# `paper_strict` trains exactly as long as the paper says, however few updates a small round then has.
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "paper_strict": {"fitting": {"min_updates": 0}},
}


class Protocol(Settings):
    """The decisions shared by all classifiers of a study (list: docs/architecture.md).

    `restart` is the default of the study's `restart` axis. `fitting` applies to the pooled transformer;
    other classifiers carry their own schedules (protocol ruling 7).
    """

    preset: Literal["paper", "paper_strict"] = "paper"
    folds: FoldSettings = FoldSettings()
    validation: ValidationSettings = ValidationSettings()
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
        return _merged(PRESETS.get(str(value.get("preset", "paper")), {}), value)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], value) if both else value
    return result
