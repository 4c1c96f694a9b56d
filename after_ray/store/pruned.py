"""Notes of candidates that a search stopped early: not missing, and not finished either."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from after_ray.files import write_json


@dataclass(frozen=True)
class Pruned:
    """A candidate that was stopped: its scores at the rungs that it passed."""

    key: str
    scores: tuple[float, ...]


class PrunedNotes:
    """One note per stopped candidate under `pruned/`; a record of the same key counts more than its note."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "pruned"

    def note(self, pruned: Pruned) -> None:
        """Remember that a candidate was stopped."""
        write_json(self._path(pruned.key), asdict(pruned))

    def find(self, key: str) -> Pruned | None:
        """The note of a candidate, or None."""
        try:
            value = json.loads(self._path(key).read_bytes())
        except FileNotFoundError:
            return None
        return Pruned(value["key"], tuple(value["scores"]))

    def forget(self, key: str) -> None:
        """Remove the note of a candidate that was finished after all."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"
