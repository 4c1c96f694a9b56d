"""What a stage is: work whose result is stored under a key that says what it means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from after_ray.errors import ChangedCode
from after_ray.own_code import code_digests, code_files, joined, unlike_loaded
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

    @property
    def own_code(self) -> tuple[str, ...]:
        """Dotted paths of a user's own code whose files are part of what it means, for they may change."""
        return ()

    @cached_property
    def key(self) -> str:
        """Digest of what this stage means."""
        return digest(self.kind, self.version, self.meaning())

    def checked_meaning(self) -> dict[str, Any]:
        """What the key was made of, which travels with the stage while files of a user's own may change.

        Who works on a stage asks before the work, and again for its record.

        Raises:
            ChangedCode: when such a file is not what the key was made of, or not what this process loaded.
        """
        meaning = self.meaning()
        if not self.own_code:
            return meaning
        now = self._code()
        loaded = [module for each in now.values() for module in unlike_loaded(each)]
        if loaded or digest(self.kind, self.version, meaning) != self.key:
            raise ChangedCode(self._changed(now, loaded))
        return meaning

    def _source(self) -> str:
        """Digests of the files of `own_code`, for `meaning`; the first ones are kept as the key is."""
        code = self._code()
        self.__dict__.setdefault("_code_of_key", code)
        return ",".join(joined(code[path]) for path in self.own_code)

    def _code(self) -> dict[str, dict[str, str]]:
        """Digests of files, by dotted path and module."""
        return {path: code_digests(path) for path in self.own_code}

    def _changed(self, now: Mapping[str, Mapping[str, str]], loaded: Sequence[str]) -> list[str]:
        """The files that are not what they were; all of them where one is gone from among them."""
        before = self.__dict__.get("_code_of_key", {})
        files = {module: str(file) for path in self.own_code for module, file in code_files(path).items()}
        others = [
            files[module]
            for path, digests in now.items()
            for module, value in digests.items()
            if module in loaded or before.get(path, {}).get(module) != value
        ]
        return list(dict.fromkeys(others or files.values()))
