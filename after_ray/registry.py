"""Names to implementations: one file per name, found without importing it.

A registry looks at the modules of one package: `after_ray/acquisition/entropy.py` provides the name
`entropy`. The module is imported when the name is first resolved and registers its class by decorator.
A dotted path `package.module:Class` names a user's own implementation in their own file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from after_ray.errors import AfterRayError, UnknownName

T = TypeVar("T")
C = TypeVar("C", bound=type)


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
