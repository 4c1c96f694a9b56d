"""The values of a study file with a candidate's configuration put in."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import yaml

from sweeps.study.search.settings import Search
from sweeps.study.search.space import Configuration
from sweeps.study.study_file import Place, StudySource, apply_override

NO_LINE = 0  # of a setting whose search was given on the command line


def candidate_source(source: StudySource, search: Search, configuration: Configuration) -> StudySource:
    """A study file as if it had the candidate's settings, and the folds and seeds of the search.

    A mistake in a candidate's setting is told of its line in the space.

    Raises:
        BadOverride: when a path goes through a list.
    """
    values = with_configuration(source.values, configuration)
    values["seed"] = list(search.seed)
    if search.fold is not None:
        values["fold"] = search.fold if isinstance(search.fold, str) else list(search.fold)
    return replace(source, values=values, lines=_lines(source, configuration), overridden={})


def with_configuration(values: dict[str, Any], configuration: Configuration) -> dict[str, Any]:
    """The values of a study without its search, and with the settings of a configuration.

    Raises:
        BadOverride: when a path goes through a list.
    """
    result = copy.deepcopy(values)
    result.pop("search", None)
    if "strategy" in configuration:  # whom the grid compares with may not be among the chosen
        result.pop("reference", None)
    for path in sorted(configuration, key=lambda path: path.count(".")):  # a block before what is in it
        apply_override(result, f"{path}={in_yaml(configuration[path])}")
    return result


def in_yaml(value: Any) -> str:
    """A value as one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, width=1_000_000, allow_unicode=True)
    return text.removesuffix("...\n").strip()


def _lines(source: StudySource, configuration: Configuration) -> dict[Place, int]:
    lines = dict(source.lines)
    for path in configuration:
        place = tuple(path.split("."))
        for end in range(1, len(place) + 1):
            if end == len(place) or place[:end] not in source.lines:  # a block that the file does not have
                lines[place[:end]] = source.line(("search", "space", path)) or NO_LINE
    return lines
