"""The files of a user's own strategies and classifiers: what is in keys, and what travels to other machines.

They are named by a dotted path `package.module:Class`.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from weakref import WeakKeyDictionary

from after_ray.errors import AfterRayError
from after_ray.files import sha256_of

# What the file of a module was when this process first looked at it, having loaded it.
_LOADED: WeakKeyDictionary[ModuleType, str] = WeakKeyDictionary()


def code_files(path: str) -> dict[str, Path]:
    """The files behind a dotted path, by their modules, its own first.

    The file of the class, and those of the classes it extends where they are a user's own as well; the same
    of the model of its settings, where it names one. What else its file imports is not looked at.

    Raises:
        AfterRayError: when there is no such module, it cannot be imported, or it has no source file.
    """
    module, _, name = path.partition(":")
    files = {module: _file_of(path, module)}
    found = getattr(_imported(path, module), name, object)
    model = getattr(found, "settings_model", None)
    for base in (*found.__mro__[1:], *(model.__mro__ if isinstance(model, type) else ())):
        if base.__module__ not in files and not _installed(base):
            files[base.__module__] = _file_of(path, base.__module__)
    return files


def code_digests(path: str) -> dict[str, str]:
    """SHA-256 of each of these files, as hex, by their modules.

    Raises:
        AfterRayError: as `code_files`.
    """
    return {module: sha256_of(file) for module, file in code_files(path).items()}


def joined(digests: Mapping[str, str]) -> str:
    """One digest of all files of a path, as hex; of a single file its own."""
    each = list(digests.values())
    return each[0] if len(each) == 1 else hashlib.sha256("\n".join(each).encode()).hexdigest()


def source_digest(path: str) -> str:
    """One SHA-256 of the files behind a dotted path, as hex.

    Raises:
        AfterRayError: as `code_files`.
    """
    return joined(code_digests(path))


def unlike_loaded(digests: Mapping[str, str]) -> list[str]:
    """The modules whose file has changed since this process first asked this of them.

    A process does not load a module twice: it goes on with the code that the file had.
    """
    modules = {name: module for name in digests if (module := sys.modules.get(name)) is not None}
    return [
        name for name, module in modules.items() if _LOADED.setdefault(module, digests[name]) != digests[name]
    ]


def _imported(path: str, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:  # whatever a user's module does when it is imported
        raise AfterRayError(
            f"The module of '{path}' cannot be imported: {type(error).__name__}: {error}."
        ) from error


def _installed(base: type) -> bool:
    """Whether a class is of this package, of Python or of an installed library, and no user's own."""
    if base.__module__.partition(".")[0] in ("after_ray", "builtins"):
        return True
    file = inspect.getsourcefile(base)
    libraries = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")]
    return file is None or any(Path(file).resolve().is_relative_to(folder) for folder in libraries)


def _file_of(path: str, module: str) -> Path:
    try:
        found = importlib.util.find_spec(module)
    except ImportError as error:
        raise AfterRayError(f"The module of '{path}' cannot be found: {error}.") from error
    if found is None or found.origin is None or not Path(found.origin).is_file():
        raise AfterRayError(f"The module of '{path}' has no source file; name a class in a Python file.")
    return Path(found.origin)
