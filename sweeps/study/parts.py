"""Parts of a study: runs of other axes than the rest, such as baselines that are trained once on all labels.

The axes of a study are crossed. What is not a cross of them is written as `parts`, each with the axes that it
has otherwise; their runs together are the study, planned, tested and reported as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from after_ray.settings import Settings
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


class PartMistake(ValueError):
    """What is wrong with the parts of a study: one sentence, and where in the study it is."""

    def __init__(self, sentence: str, *place: str | int) -> None:
        super().__init__(sentence)
        self.place = place


class Spelled(dict[str, Any]):
    """The values of a part with all that it takes from its study; nothing that a file can write is one."""


def with_parts(values: Any) -> Any:
    """The values of a study whose parts are spelled out: each has all that it takes from its study.

    What only parts say of the axes that every study needs is said of the study as well. Values without parts,
    and parts that are spelled out already, stay as they are.

    Raises:
        PartMistake: for parts that are none.
    """
    if not isinstance(values, dict) or "parts" not in values:
        return values
    parts = values["parts"]
    if isinstance(parts, list | tuple) and all(isinstance(one, Settings | Spelled) for one in parts):
        return values
    _refuse_unfit(values, parts)
    common = {key: values[key] for key in (*PART_AXES, *OF_ALL) if key in values}
    spelled = [Spelled({**common, **part}) for part in parts]
    first = {key: part[key] for part in reversed(spelled) for key in _REQUIRED if key in part}
    return {**first, **values, "parts": spelled}


def _refuse_unfit(values: Mapping[str, Any], parts: Any) -> None:
    """Refuse parts that are no mappings, that say what is the study's, or that leave nothing to it."""
    if not isinstance(parts, list | tuple):
        raise PartMistake(
            f"'parts' is {parts!r}; allowed is a list, each part with the axes that it has otherwise", "parts"
        )
    _refuse_no_mappings(parts)
    if values.get("search") is not None:
        raise PartMistake("a study with parts cannot be searched; search in one of its own", "search")
    if any(_replays(one) for one in (values, *parts)):
        raise PartMistake("a study with parts replays nothing; replay in one of its own", "parts")
    for index, part in enumerate(parts):
        for key in part:
            if key not in PART_AXES:
                raise PartMistake(
                    f"part {index + 1} says '{key}', which is the same for all parts; allowed in a part: "
                    f"{', '.join(PART_AXES)}",
                    "parts",
                    index,
                    key,
                )
    _refuse_idle(values, parts)


def _refuse_no_mappings(parts: Iterable[Any]) -> None:
    for index, part in enumerate(parts):
        if not isinstance(part, dict):
            raise PartMistake(
                f"part {index + 1} is {part!r} and no mapping of axes; one that says nothing is written {{}}",
                "parts",
                index,
            )


def _refuse_idle(values: Mapping[str, Any], parts: Iterable[Mapping[str, Any]]) -> None:
    """Nothing that the study says, or an override, is said otherwise by every part."""
    for key in PART_AXES:
        if key in values and all(key in part for part in parts):
            raise PartMistake(
                f"'{key}' is said by every part, so that what the study says of it has no effect; take it "
                "out, or out of the parts",
                key,
            )


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
