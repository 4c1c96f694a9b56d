"""A file that whoever ends this machine makes first: for schedulers, other providers, and tests."""

from __future__ import annotations

from pathlib import Path


class FileNotices:
    """Looks for a file.

    Args:
        path: once it is there, this machine will be ended.
    """

    seconds = 1.0  # between two looks
    ahead: float | None = None  # only whoever makes the file knows

    def __init__(self, path: Path) -> None:
        self._path = path

    def given(self) -> bool:
        """Whether the file is there.

        Raises:
            OSError: when its folder cannot be looked at.
        """
        try:
            self._path.stat()
        except FileNotFoundError:
            return False
        return True
