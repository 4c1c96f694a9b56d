"""What a stage is: work whose result is stored under a key that says what it means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, ClassVar

from after_ray.store.keys import digest


class Stage(ABC):
    """Work with a key. Raise `version` when the code of a stage gives other results for equal settings."""

    kind: ClassVar[str]
    version: ClassVar[int] = 1

    @abstractmethod
    def meaning(self) -> dict[str, Any]:
        """Settings and keys of needed stages, as JSON values."""

    @abstractmethod
    def needs(self) -> tuple[Stage, ...]:
        """The stages that must be finished before this one can run."""

    @cached_property
    def key(self) -> str:
        """Digest of what this stage means."""
        return digest(self.kind, self.version, self.meaning())
