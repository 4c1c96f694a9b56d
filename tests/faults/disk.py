"""A store that refuses to be written for a while: the few calls that write files, patched."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError


class Disk:
    """The disk that a store is on; `error` is what every write below `root` fails with, 0 for none."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root, self.error = root, 0
        patch.setattr(
            "safetensors.numpy.save_file", self._tensors(_original("safetensors.numpy", "save_file"))
        )
        patch.setattr(Path, "write_bytes", self._file(Path.write_bytes))
        patch.setattr(os, "link", self._file(os.link))
        patch.setattr(os, "replace", self._file(os.replace))
        patch.setattr(Path, "mkdir", self._folder(Path.mkdir))

    def _refuses(self, path: object) -> bool:
        return self.error != 0 and Path(str(path)).is_relative_to(self.root)

    def _file(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def writing(path: Any, *arguments: Any, **named: Any) -> Any:
            if self._refuses(path):
                raise OSError(self.error, os.strerror(self.error))
            return write(path, *arguments, **named)

        return writing

    def _folder(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def making(path: Path, *arguments: Any, **named: Any) -> Any:
            if self._refuses(path) and self.error == errno.EROFS and not path.exists():
                raise OSError(self.error, os.strerror(self.error), str(path))
            return make(path, *arguments, **named)

        return making

    def _tensors(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def writing(arrays: Any, path: Path, *about: Any) -> None:
            if self._refuses(path):
                Path(path).touch()  # begun, then refused
                told = f"I/O error: {os.strerror(self.error)} (os error {self.error})"
                raise SafetensorError(f"Error while serializing: {told}")
            write(arrays, path, *about)

        return writing


def _original(module: str, name: str) -> Callable[..., Any]:
    import importlib

    return getattr(importlib.import_module(module), name)
