"""What goes with a launch: its study files, the files that they name beside themselves, the user's code."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from sweeps.study.study_file import read_study_file
from sweeps.submitting.errors import NotThere, TooLarge
from sweeps.submitting.own_code import own_files

MOST_BYTES = 50_000_000  # Ray itself refuses a package of 100 MB and more


def gather(studies: Sequence[Path], folder: Path, options: Sequence[str] = ()) -> list[str]:
    """Copy study files, with what they name, into a folder; returns their names there.

    A file is named relative to its study and keeps its place beside it. What a study names by an absolute
    path is looked for on the head, under that path. Strategies and classifiers of one's own, also those in
    the `options` of the command line, are looked for in the folder that this was started in.

    Raises:
        StudyError: when a study file cannot be read.
        NotThere: when a study names a folder of audio or a backbone's folder relative to itself, or a file
            outside of its folder.
        TooLarge: when the files are no small ones, alone or together.
    """
    names, carried, start = [], 0, Path.cwd()
    told: list[Any] = [*options]
    for number, study in enumerate(studies):
        inside = folder / str(number)
        inside.mkdir()
        carried = _copy(study, inside / study.name, carried)
        values = _values(study)
        told.append(values)
        _refuse_backbones(values, study.parent)
        for named in sorted(set(_named(values))):
            carried = _copy(study.parent / named, inside / _beside(study, named), carried)
        names.append(f"{number}/{study.name}")
    for code in own_files(told, start):
        carried = _copy(start / code, folder / code, carried)
    return names


def _values(study: Path) -> Any:
    """What the file says; variables are those of the head, so they are not filled in here."""
    try:
        return yaml.safe_load(study.read_text())
    except (yaml.YAMLError, ValueError):
        return read_study_file(study).values  # which says what is wrong with it, and where


def _named(value: Any, key: str = "") -> Iterator[str]:
    """Relative names of files in a study's values.

    Raises:
        NotThere: for a relative folder of audio.
    """
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from _named(item, str(inner))
    elif isinstance(value, list):
        for item in value:
            yield from _named(item, key)
    elif isinstance(value, str) and value and key in ("file", "root") and not _is_absolute(value):
        if key == "root":
            raise NotThere(
                f"The folder '{value}' of a corpus",
                "copy the recordings to the head and name their folder by its absolute path, or by ${NAME} "
                "of a variable that is set there",
            )
        yield value


def _refuse_backbones(values: Any, folder: Path) -> None:
    """Refuse backbones in folders beside the study: too large to travel.

    Raises:
        NotThere: for the first of them.
    """
    blocks = values.get("backbone") if isinstance(values, dict) else None
    for block in blocks if isinstance(blocks, list) else [blocks]:
        name = block.get("name") if isinstance(block, dict) else block
        if not isinstance(name, str) or _is_absolute(name):
            continue
        if name.startswith(".") or (folder / name).is_dir():
            raise NotThere(
                f"The folder '{name}' of a backbone",
                "copy it to storage that all nodes see and name it by its absolute path, or by its hub name",
            )


def _is_absolute(path: str) -> bool:
    return path.startswith(("/", "~", "${"))


def _beside(study: Path, named: str) -> Path:
    """A file's place relative to its study."""
    path = (study.parent / named).resolve()
    folder = study.parent.resolve()
    if not path.is_relative_to(folder):
        raise NotThere(
            f"The file '{named}' of {study.name}",
            f"keep it in {folder}, from where it travels with the study, or name it by an absolute path of "
            "the head",
        )
    return path.relative_to(folder)


def _copy(path: Path, target: Path, carried: int) -> int:
    """Copy a file; the bytes that travel with it."""
    carried += path.stat().st_size
    if carried > MOST_BYTES:
        raise TooLarge(path, carried, MOST_BYTES)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    return carried
