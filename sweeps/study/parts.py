"""Parts of a study: runs of other axes than the rest, such as baselines that are trained once on all labels.

The axes of a study are crossed. What is not a cross of them is written as `parts`, each with the axes that it
has otherwise; their runs together are the study, planned, tested and reported as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import PydanticCustomError

from sweeps.study.axes import as_list
from sweeps.study.replays import REPLAY

PART_AXES = (
    "classifier",
    "backbone",
    "adaptation",
    "frame_losses",
    "strategy",
    "initialization",
    "restart",
    "annotation",
    "label_noise",
    "schedule",
    "ratios",
)
"""What a part may say for itself; everything else is the study's."""
OF_ALL = ("study", "corpus", "fold", "seed", "protocol", "resources")
"""What a part needs of its study to be a study of its own."""
_REQUIRED = ("classifier", "schedule")


def with_parts(values: Any) -> Any:
    """The values of a study whose parts are spelled out: each has all that it takes from its study.

    What only parts say of the axes that every study needs is said of the study as well. Values without parts,
    and parts that are spelled out already, stay as they are.

    Raises:
        PydanticCustomError: for a part that is none.
    """
    if not isinstance(values, dict) or not values.get("parts"):
        return values
    parts = values["parts"]
    if not isinstance(parts, list | tuple):
        raise PydanticCustomError("parts", "'parts' is a list, each part with the axes that it has otherwise")
    if values.get("search") is not None:
        raise PydanticCustomError("parts", "a study with parts cannot be searched; search in one of its own")
    if any(_replays(one) for one in (values, *parts)):
        raise PydanticCustomError("parts", "a study with parts replays nothing; replay in one of its own")
    common = {key: values[key] for key in (*PART_AXES, *OF_ALL) if key in values}
    spelled = [_spelled(number, part, common) for number, part in enumerate(parts, start=1)]
    mappings = [part for part in spelled if isinstance(part, dict)]
    first = {key: part[key] for part in reversed(mappings) for key in _REQUIRED if key in part}
    return {**first, **values, "parts": spelled}


def _spelled(number: int, part: Any, common: Mapping[str, Any]) -> Any:
    if not isinstance(part, dict) or "study" in part:
        return part  # refused by the field itself, parsed or spelled out already
    for key in part:
        if key not in PART_AXES:
            raise PydanticCustomError(
                "parts",
                "part {number} says '{key}', which is the same for all parts; allowed in a part: {allowed}",
                {"number": number, "key": str(key), "allowed": ", ".join(PART_AXES)},
            )
    return {**common, **part}


def _replays(values: Any) -> bool:
    """Whether a strategy that is written as a mapping or a line of text replays a recording."""
    written = as_list(values.get("strategy", ())) if isinstance(values, dict) else ()
    names = [one.get("name") if isinstance(one, dict) else str(one).partition("(")[0] for one in written]
    return REPLAY in names


def together(values: Iterable[Iterable[Any]]) -> tuple[Any, ...]:
    """All values of an axis in the order in which parts name them, each once."""
    found: list[Any] = []
    for of_part in values:
        found += [value for value in of_part if value not in found]
    return tuple(found)
