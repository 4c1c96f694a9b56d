"""Errors about recorded selections."""

from __future__ import annotations

from pathlib import Path

from after_ray.errors._base import AfterRayError


class BadSelections(AfterRayError):
    """A file of selections that cannot be replayed."""

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(f"The selections {path} cannot be replayed: {problem}.")
