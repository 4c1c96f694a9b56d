"""The files that docs/own_classifier.md shows, written where Python finds them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.own_modules import load_anew

PAGE = (Path(__file__).parents[3] / "docs" / "own_classifier.md").read_text()


def shown(kind: str) -> dict[str, str]:
    """The blocks of one kind that begin with the name of their file, by that name."""
    blocks = re.findall(rf"```{kind}\n(.*?)```", PAGE, flags=re.DOTALL)
    return {block.splitlines()[0].removeprefix("# "): block for block in blocks}


def write_files(folder: Path, patch: pytest.MonkeyPatch, **more: str) -> None:
    """Write the modules of the page, and others by their names, and let this process find them anew."""
    modules = {Path(file).stem: code for file, code in shown("python").items()} | more
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(code)
    load_anew(patch, *modules)
    patch.syspath_prepend(folder)
