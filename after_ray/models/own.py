"""A classifier of somebody's own in a model folder: refused unasked, and never taken out of the folder."""

from __future__ import annotations

import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

from after_ray.errors import UnfitModel


def check_own(folder: Path, name: str, allowed: str | None) -> None:
    """Refuse to import a class that a folder names, unless its user has named it too; nothing is imported.

    Args:
        folder: whose facts name the class.
        name: of the class, `module:Class`.
        allowed: the class that whoever reads the folder trusts.

    Raises:
        UnfitModel: saying what would be imported, and how that is allowed.
    """
    module, _, attribute = name.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise UnfitModel(
            folder, f"its classifier {name!r} is no module:Class", "Have it exported again by its maker"
        )
    if name != allowed:
        other = f", and '{allowed}' is what was allowed" if allowed else ""
        raise UnfitModel(
            folder,
            f"its classifier '{name}' is somebody's own, for which the module '{module}' would be imported, "
            f"and with it any code in there{other}",
            f"If you trust what Python finds under this name, allow it: --own-classifier {name}, or "
            f"own_classifier='{name}' of Model.load",
        )
    root = folder.resolve()
    for place in _places(module):
        if place.is_relative_to(root):
            raise UnfitModel(
                folder,
                f"Python would find the module '{module}' of its classifier inside of it ({place})",
                "Start somewhere else, with PYTHONPATH naming a folder of your own that has the module",
            )


def _places(module: str) -> Iterator[Path]:
    """Where Python would find a module and the packages around it, resolved; none of them is imported."""
    name, within = "", None  # the second is where modules of the package lie
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        specs = [_outermost(name)] if within is None else [_within(place, name) for place in within]
        found = [spec for spec in specs if spec is not None]
        within = [place for spec in found for place in spec.submodule_search_locations or ()]
        origins = [spec.origin for spec in found if spec.has_location and spec.origin]
        yield from (Path(place).resolve() for place in (*within, *origins))


def _outermost(name: str) -> ModuleSpec | None:
    module = sys.modules.get(name)
    return importlib.util.find_spec(name) if module is None else module.__spec__


def _within(place: str, name: str) -> ModuleSpec | None:
    """In one folder of a package; `importlib.util.find_spec` would import the package."""
    finder = pkgutil.get_importer(place)
    return None if finder is None else finder.find_spec(name)
