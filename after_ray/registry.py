"""Names to implementations: one file per name, found without importing it.

A registry looks at the modules of one package: `after_ray/acquisition/entropy.py` provides the name
`entropy`. The module is imported when the name is first resolved and registers its class by decorator.
A dotted path `package.module:Class` names a user's own implementation in their own file.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from after_ray.errors import AfterRayError, UnknownName
from after_ray.files import sha256_of

T = TypeVar("T")
C = TypeVar("C", bound=type)


def source_digest(path: str, beside: type | None = None) -> str:
    """SHA-256 of the source behind a dotted path `package.module:Class`, as hex.

    The file of the class, and those of the classes it extends where they are a user's own as well; the same
    of a class `beside` it, which belongs to it. What else its file imports is not looked at.

    Raises:
        AfterRayError: when there is no such module or it has no source file.
    """
    module, _, name = path.partition(":")
    files = [_source_of(path, module)]
    extended = getattr(importlib.import_module(module), name, object).__mro__[1:]
    for base in (*extended, *(beside.__mro__ if beside is not None else ())):
        if base.__module__ != module and not _installed(base):
            files.append(_source_of(path, base.__module__))
    digests = [sha256_of(file) for file in dict.fromkeys(files)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _installed(base: type) -> bool:
    """Whether a class is of this package, of Python or of an installed library, and no user's own."""
    if base.__module__.partition(".")[0] in ("after_ray", "builtins"):
        return True
    file = inspect.getsourcefile(base)
    libraries = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")]
    return file is None or any(Path(file).resolve().is_relative_to(folder) for folder in libraries)


def _source_of(path: str, module: str) -> Path:
    try:
        found = importlib.util.find_spec(module)
    except ImportError as error:
        raise AfterRayError(f"The module of '{path}' cannot be found: {error}.") from error
    if found is None or found.origin is None or not Path(found.origin).is_file():
        raise AfterRayError(f"The module of '{path}' has no source file; name a class in a Python file.")
    return Path(found.origin)


class Registry(Generic[T]):
    """The implementations of one kind, one module of `package` each (modules with `_` are private).

    Every one is a subclass of `base`, a user's own as well.
    """

    def __init__(self, kind: str, package: str, base: type) -> None:
        self.kind, self._base = kind, base
        self._package = package
        self._known: dict[str, type[T]] = {}

    def names(self) -> list[str]:
        """All names this package provides, sorted, without importing any of their modules."""
        package = importlib.import_module(self._package)
        return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))

    def register(self, name: str) -> Callable[[C], C]:
        """Class decorator; a second class of the same name is an error."""

        def decorate(implementation: C) -> C:
            if name in self._known and self._known[name] is not implementation:
                raise AfterRayError(f"Two classes claim the {self.kind} name '{name}'; rename one of them.")
            self._known[name] = cast("type[T]", implementation)
            return implementation

        return decorate

    def resolve(self, name: str) -> type[T]:
        """The class of `name`; a name with ':' is a dotted path to a user's own class."""
        if ":" in name:
            return self._import_path(name)
        if name not in self._known:
            if name not in self.names():
                raise UnknownName(self.kind, name, self.names())
            importlib.import_module(f"{self._package}.{name}")
        return self._known[name]

    def _import_path(self, path: str) -> type[T]:
        module, _, attribute = path.partition(":")
        try:
            found: Any = getattr(importlib.import_module(module), attribute)
        except (Exception, SystemExit) as error:  # whatever a user's module does when it is imported
            raise AfterRayError(
                f"The {self.kind} '{path}' cannot be imported: {type(error).__name__}: {error}; name "
                "module:Class in a Python file of the folder you start in, or of one on PYTHONPATH."
            ) from error
        if isinstance(found, type) and issubclass(found, self._base):
            return cast("type[T]", found)
        raise AfterRayError(
            f"The {self.kind} '{path}' is no class that extends {self._package}.{self._base.__name__}; "
            "name one that does."
        )
