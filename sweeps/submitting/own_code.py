"""The files of a user's own strategies and classifiers, which a launch takes along."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from after_ray.errors import AfterRayError
from after_ray.own_code import code_files

_OWN = re.compile(r"(?<![\w./])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):[A-Za-z_]\w*")


def own_files(told: Iterable[Any], start: Path) -> list[Path]:
    """Files that dotted paths in values name, relative to the folder that the launch is started in.

    `power(mine:Gini)` names `mine.py`, `lab.nets:Wide` names `lab/nets.py` and, where it is there,
    `lab/__init__.py`; with them go all files that are in the keys of their results. What is not in that
    folder is installed, or on the head's PYTHONPATH. Of a module that cannot be imported here, perhaps for a
    library that only the head has, its own file goes alone.
    """
    found: dict[Path, None] = {}
    for text in _texts(told):
        for match in _OWN.finditer(text):
            file = Path(*match.group(1).split(".")).with_suffix(".py")
            if (start / file).is_file():
                for each in (*_keyed(match.group(), start), file):
                    packages = [folder / "__init__.py" for folder in reversed(each.parents) if folder.name]
                    found.update(dict.fromkeys(one for one in packages if (start / one).is_file()))
                    found[each] = None
    return list(found)


def _keyed(path: str, start: Path) -> list[Path]:
    """The files behind a dotted path that are in keys, as far as they are in the folder."""
    try:
        files = [file.resolve() for file in code_files(path).values()]
    except AfterRayError:
        return []
    home = start.resolve()
    return [file.relative_to(home) for file in files if file.is_relative_to(home)]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, Iterable):
        for item in value:
            yield from _texts(item)
