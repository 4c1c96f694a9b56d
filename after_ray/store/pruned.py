"""Notes of candidates that a search stopped early: not missing, and not finished either."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from after_ray.files import as_json
from after_ray.store.places import Place

FOLDER = "pruned"  # of a store


@dataclass(frozen=True)
class Pruned:
    """A candidate that was stopped: its scores at the rungs that it passed.

    `among`: how many candidates the search asked for when it stopped this one.
    """

    key: str
    scores: tuple[float, ...]
    among: int


class PrunedNotes:
    """One note per stopped candidate under `pruned/`; a record of the same key counts more than its note.

    Args:
        place: the store's.
        judge: what decides which candidates one is compared with, as a digest: what one search stopped,
            another may finish.
    """

    def __init__(self, place: Place, judge: str) -> None:
        self._place = place.below(f"{FOLDER}/{judge}")

    def note(self, pruned: Pruned) -> None:
        """Remember that a candidate was stopped."""
        self._place.write(f"{pruned.key}.json", as_json(asdict(pruned)))

    def find(self, key: str, among: int) -> Pruned | None:
        """The note of a candidate; None also where it was stopped among more than now are asked for."""
        try:
            value = json.loads(self._place.read(f"{key}.json"))
            pruned = Pruned(value["key"], tuple(value["scores"]), int(value["among"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return None  # half written by a failing disk: it is judged again
        return pruned if pruned.among <= among else None


def forget(place: Place, key: str) -> None:
    """Remove the notes of a candidate that was finished after all, whoever stopped it."""
    for judge in place.folders(FOLDER):
        place.remove(f"{FOLDER}/{judge}/{key}.json")
