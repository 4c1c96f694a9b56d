"""Study files: YAML to plain values, with the line of every value, environment variables and overrides."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from after_ray.errors import AfterRayError

Place = tuple[str | int, ...]  # keys and list positions from the top of the file to a value


class StudyError(AfterRayError):
    """A study file that cannot be used: file, line, and one sentence."""

    def __init__(self, path: Path, line: int | None, sentence: str) -> None:
        place = f"{path}, line {line}" if line else str(path)
        self.line = line
        super().__init__(f"{place}: {sentence}")


class BadOverride(AfterRayError):
    """A `key=value` of the command line that cannot be applied."""


@dataclass(frozen=True)
class StudySource:
    """A parsed study file. `lines` maps the place of a key or value to its line, counted from 1.

    `overridden`: the override that set a place, where one did.
    """

    path: Path
    text: str
    values: dict[str, Any]
    lines: dict[Place, int]
    overridden: dict[Place, str] = field(default_factory=dict)

    def override(self, place: Place) -> str | None:
        """The override that set a place or one above it."""
        above = (place[:end] for end in range(len(place), 0, -1))
        return next((self.overridden[one] for one in above if one in self.overridden), None)

    def line(self, place: Place) -> int | None:
        """The line of a place, or of the nearest place above it that the file has."""
        while place:
            if place in self.lines:
                return self.lines[place]
            place = place[:-1]
        return None


def read_study_file(path: Path, overrides: Sequence[str] = ()) -> StudySource:
    """Read a study file and apply `key=value` overrides (`classifier.steps=300`; values are YAML)."""
    try:
        text = path.read_text()
    except OSError as error:
        raise StudyError(path, None, f"the study file cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise StudyError(path, None, f"the study file is no text in UTF-8 ({error.reason})") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Place, int] = {}
        values = _build(node, (), lines, path) if node is not None else {}
    except RecursionError as error:
        raise StudyError(path, None, "the file refers to itself (an alias inside its own anchor)") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise StudyError(path, mark.line + 1 if mark else None, f"not YAML: {problem}") from error
    if not isinstance(values, dict):
        raise StudyError(path, 1, "a study is a mapping of keys to values, such as 'study: my_study'")
    overridden: dict[Place, str] = {}
    for override in overrides:
        try:
            apply_override(values, override)
            overridden[tuple(override.partition("=")[0].split("."))] = override
        except BadOverride as error:
            raise StudyError(path, None, str(error)) from error
    return StudySource(path, text, _expand(values, path, lines, ()), lines, overridden)


def _build(node: yaml.Node, place: Place, lines: dict[Place, int], path: Path) -> Any:
    lines[place] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*place, i), lines, path) for i, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, child in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in result:
                raise StudyError(path, line, f"the key '{key}' is there twice; keep one of them")
            result[key] = _build(child, (*place, key), lines, path)
            lines[(*place, key)] = line
        return result
    try:
        return _SCALARS.construct_object(node, deep=True)
    except ValueError as error:  # 2026-13-45 looks like a date, and is none
        kind = node.tag.rpartition(":")[2]
        raise StudyError(
            path,
            lines[place],
            f"'{node.value}' looks like {_KINDS.get(kind, kind)} but is none ({error}); put it in quotes if "
            "it is a text",
        ) from error


_KINDS = {"timestamp": "a date", "int": "a whole number", "float": "a number", "bool": "a truth value"}
_SCALARS = yaml.SafeLoader("")  # turns scalar nodes into numbers, booleans, nulls and strings


def apply_override(values: dict[str, Any], override: str) -> None:
    """Set what `key.key=value` says in `values`; the value is YAML.

    Raises:
        BadOverride: when it is not of that form, or goes through a list.
    """
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise BadOverride(f"the override '{override}' is not of the form key=value")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        problem = getattr(error, "problem", error)
        raise BadOverride(f"the value of the override '{override}' is not YAML ({problem})") from error
    *parents, last = key.split(".")
    target = values
    for parent in parents:
        inner = target.get(parent)
        if isinstance(inner, str):  # `classifier: functionals` is short for `{name: functionals}`
            inner = {"preset" if parent == "protocol" else "name": inner}
        if inner is None:
            inner = {}
        if not isinstance(inner, dict):
            raise BadOverride(
                f"the override '{override}' goes through '{parent}', which is a list; change it in the file"
            )
        target[parent] = inner
        target = inner
    target[last] = value


def _expand(value: Any, path: Path, lines: dict[Place, int], place: Place) -> Any:
    """Replace `${NAME}` by the environment's value everywhere in the file."""
    if isinstance(value, dict):
        return {key: _expand(item, path, lines, (*place, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, path, lines, (*place, i)) for i, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    for name in re.findall(r"\$\{(\w+)\}", value):
        if name not in os.environ:
            raise StudyError(
                path,
                lines.get(place),
                f"the environment variable {name} is not set; export {name}=... and run again",
            )
    return re.sub(r"\$\{(\w+)\}", lambda match: os.environ[match.group(1)], value)
