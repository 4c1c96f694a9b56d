"""From a study file to a `Study`: read, filled with what its protocol says, validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from after_ray.acquisition import EvidenceKind
from after_ray.protocol import Protocol
from sweeps.study.declaration import Study, adaptations, named
from sweeps.study.evidence import asked_by
from sweeps.study.mistakes import mistake_in_words
from sweeps.study.parts import PartMistake, Spelled, with_parts
from sweeps.study.places import with_places
from sweeps.study.replays import with_replays
from sweeps.study.search.checking import refuse_search
from sweeps.study.study_file import StudyError, StudySource, read_study_file


def load_study(path: Path, overrides: Sequence[str] = ()) -> Study:
    """Read and validate a study file; the first mistake becomes one sentence with its line.

    Raises:
        StudyError: for anything wrong with the file or an override.
    """
    source = read_study_file(path, overrides)
    study = study_of(source)
    if study.search is not None:
        refuse_search(study, source, study_of)
    return study


def study_of(source: StudySource) -> Study:
    """Validate the values of a study file.

    Raises:
        StudyError: for the first mistake, with its line.
    """
    values, replays = with_replays(_in_full(source))
    try:
        return Study.model_validate(values)
    except ValidationError as error:
        raise _study_error(source, error, replays) from error


def _in_full(source: StudySource) -> dict[str, Any]:
    """The values of a study, and of each of its parts, with absolute paths and what the protocol says."""
    try:
        values = with_parts(source.values)
    except PartMistake as mistake:
        override = source.override(mistake.place)
        told = f"--set '{override}': {mistake}" if override is not None else str(mistake)
        raise StudyError(source.path, None if override else source.line(mistake.place), told) from mistake
    parts = [part for part in values.get("parts") or () if isinstance(part, dict)]
    try:
        protocol = Protocol.model_validate(values.get("protocol", {}))
    except ValidationError:
        protocol = None  # reported, with its line, when the whole study is validated
    asked = frozenset[EvidenceKind]().union(*(asked_by(one.get("strategy", [])) for one in (values, *parts)))

    def filled(one: dict[str, Any]) -> dict[str, Any]:
        placed = with_places(one, source.path.parent)
        return placed if protocol is None else _with_defaults_of_protocol(placed, protocol, asked)

    result = filled(values)
    return {**result, "parts": [Spelled(filled(part)) for part in parts]} if parts else result


def _with_defaults_of_protocol(
    values: dict[str, Any], protocol: Protocol, asked: frozenset[EvidenceKind]
) -> dict[str, Any]:
    """Give the blocks of a study what its protocol says of them; their own entries win.

    `asked`: what the strategies of the whole study ask for, since one model serves all of them.
    """
    result = dict(values)
    for block in protocol.blocks_for(asked):
        if block.axis in result:
            items = adaptations if block.axis == "adaptation" else named
            result[block.axis] = [block.filled(item) for item in items(result[block.axis])]
    return result


def _study_error(source: StudySource, error: ValidationError, replays: Mapping[str, int]) -> StudyError:
    """The first mistake of a validation, at its place in the file.

    `replays`: where in `strategy` the entries of `replays` were written.
    """
    # What only parts say is validated as the study's as well, and stands in the file as theirs.
    first = min(error.errors(), key=lambda one: one["loc"][:1] != ("parts",))
    location = first["loc"]
    if location[:1] == ("replays",) and len(location) > 1 and location[1] in replays:
        single = isinstance(source.values["strategy"], dict)
        location = ("strategy", *(() if single else (replays[str(location[1])],)), *location[2:])
    place = _place_in_file(source, location, names_missing_key=first["type"] == "missing")
    key = first.get("ctx", {}).get("key") if first["type"] == "unknown_key" else None
    line = source.line((*place, key) if key else place)
    where = ".".join(str(part) for part in place)
    message = mistake_in_words(first)
    told = f"{where}: {message}" if where else message
    override = source.override((*place, key) if key else place)
    if override is not None:
        return StudyError(source.path, None, f"--set '{override}': {told}")
    return StudyError(source.path, line, told)


def _place_in_file(
    source: StudySource, location: tuple[int | str, ...], names_missing_key: bool
) -> tuple[str | int, ...]:
    """Pydantic's location without what the file does not have: union tags, and positions of single values."""
    value: Any = source.values
    place: list[str | int] = []
    for part in location:
        known = (
            part in value
            if isinstance(value, dict)
            else isinstance(value, list) and part in range(len(value))
        )
        if known:
            value = value[part]
            place.append(part)
    if names_missing_key:
        place.append(location[-1])  # the file has no line for it
    return tuple(place)
