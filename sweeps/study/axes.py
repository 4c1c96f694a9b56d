"""Axes as they are written: single values for lists, ranges of whole numbers, folds, no repetition."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import Field
from pydantic_core import PydanticCustomError

from after_ray.acquisition import of_mapping, parse, write
from after_ray.annotation import noise_text
from after_ray.errors import AfterRayError

LONGEST_RANGE = 10_000  # a slip of the finger, not a study
Seed = Annotated[int, Field(ge=0, strict=True)]


def as_list(value: Any) -> Any:
    """A single value stands for a list of one."""
    return value if isinstance(value, list | tuple) else [value]


def as_range(text: str) -> list[int] | None:
    """`0..9` as its numbers, both ends included; None for any other text."""
    match = re.fullmatch(r"(\d+)\.\.(\d+)", text.strip())
    if match is None:
        return None
    first, last = int(match.group(1)), int(match.group(2))
    if last - first >= LONGEST_RANGE:
        raise PydanticCustomError(
            "range",
            "the range '{value}' has more than {most} values",
            {"value": text, "most": LONGEST_RANGE},
        )
    if last < first:
        raise PydanticCustomError("range", "the range '{value}' runs backwards", {"value": text})
    return list(range(first, last + 1))


def integers(value: Any, others: str = "") -> Any:
    """`3`, `[0, 2]` or `0..9`; `others`: words that are allowed beside them, for who is refused."""
    if not isinstance(value, str):
        return as_list(value)
    found = as_range(value)
    if found is None:
        raise PydanticCustomError(
            "range",
            "'{value}' is no whole number; allowed: {others}one as 3, several as [0, 2], or a range as 0..9",
            {"value": value, "others": others},
        )
    return found


def in_percent(value: float) -> float:
    """A score in percent; one that was meant as a share is told so."""
    if value <= 1:
        raise PydanticCustomError(
            "percent", "{value} is a share, where percents are due; write {percent}",
            {"value": f"{value:g}", "percent": f"{100 * value:g}"},
        )  # fmt: skip
    return value


def in_digits(value: Any) -> Any:
    """A number, such as a share of label noise, as tables name it; anything else as it is."""
    return noise_text(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def in_one_line(value: Any) -> Any:
    """A strategy with options as studies name it in tables, however it is written; anything else as it is."""
    try:
        if isinstance(value, dict):
            return write(of_mapping(value))
        return write(parse(value)) if isinstance(value, str) and "(" in value else value
    except AfterRayError:
        return value  # refused by whoever knows the axis


def folds(value: Any) -> Any:
    """Like `integers`; `all` and `protocol` stand for themselves."""
    return value if value in ("all", "protocol") else integers(value, "all, protocol, ")


def unique(values: Sequence[Any], text: Callable[[Any], str] | None = None) -> Any:
    """The values, unless one of them is there twice; `text`: what tables tell them apart by."""
    told = values if text is None else [text(value) for value in values]
    for index, value in enumerate(told):
        if value in told[:index]:
            named = getattr(value, "name", None) or value  # of settings
            raise PydanticCustomError("repeated", "{value} is listed twice", {"value": str(named)})
    return values
