"""The files of a user's own strategies and classifiers, which a launch takes along."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_OWN = re.compile(r"(?<![\w./])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):[A-Za-z_]\w*")


def own_files(told: Iterable[Any], start: Path) -> list[Path]:
    """Files that dotted paths in values name, relative to the folder that the launch is started in.

    `power(mine:Gini)` names `mine.py`, `lab.nets:Wide` names `lab/nets.py` and, where it is there,
    `lab/__init__.py`. What is not in that folder is installed, or on the head's PYTHONPATH.
    """
    found: dict[Path, None] = {}
    for text in _texts(told):
        for match in _OWN.finditer(text):
            file = Path(*match.group(1).split(".")).with_suffix(".py")
            if (start / file).is_file():
                packages = [folder / "__init__.py" for folder in reversed(file.parents) if folder.name]
                found.update(dict.fromkeys(one for one in packages if (start / one).is_file()))
                found[file] = None
    return list(found)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, Iterable):
        for item in value:
            yield from _texts(item)
