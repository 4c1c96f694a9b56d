"""Settings: frozen, validated once at the edge, and able to say what they mean."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError


def neutral(value: Any) -> Any:
    """Declare a setting that was added later: at `value` it is left out of every digest.

    Use it for each setting added to a model that already has keys in somebody's store, with the value
    that stands for what the code did before. Never give it to a setting whose default may still change.
    """
    return Field(default=value, json_schema_extra={"neutral": value})


class Settings(BaseModel):
    """Base of all settings: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, value: Any) -> Any:
        """Name the allowed keys and the nearest one; pydantic's own message names neither."""
        for key in value if isinstance(value, dict) else ():
            if key not in cls.model_fields:
                close = difflib.get_close_matches(str(key), cls.model_fields, n=1)
                context = {
                    "key": str(key),
                    "allowed": ", ".join(cls.model_fields),
                    "hint": f". Did you mean '{close[0]}'?" if close else "",
                }
                raise PydanticCustomError(
                    "unknown_key", "unknown key '{key}'; allowed: {allowed}{hint}", context
                )
        return value

    def meaning(self) -> dict[str, Any]:
        """The settings as plain JSON values, those at their neutral value left out."""
        result: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            extra = field.json_schema_extra
            if isinstance(extra, dict) and "neutral" in extra and value == extra["neutral"]:
                continue
            result[name] = _plain(value)
        return result


def _plain(value: Any) -> Any:
    if isinstance(value, Settings):
        return value.meaning()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value
