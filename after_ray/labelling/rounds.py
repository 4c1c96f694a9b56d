"""Rounds that people label: what each asks for, and what its answers were when its training began.

Training reads frozen answers alone: what is said afterwards about an utterance that was trained on changes no
result that stands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from after_ray.errors import DamagedStore
from after_ray.files import as_json
from after_ray.labelling.decisions import Decision
from after_ray.store.places import Place


@dataclass(frozen=True)
class Clip:
    """An utterance that is asked for: its id, its file below the root, and the part of the fold it is in."""

    utterance: str
    path: str
    part: str
    seconds: float


@dataclass(frozen=True)
class Asked:
    """What one round asks for, in the order in which it is to be labelled."""

    round: int
    key: str
    clips: tuple[Clip, ...]

    def write(self, place: Place) -> None:
        """Write it down; what was asked before in its place is not asked any more."""
        place.write(_asked(self.round), as_json(asdict(self)))

    @classmethod
    def read(cls, place: Place, number: int) -> Asked | None:
        """What a round asks; None before it has chosen.

        Raises:
            DamagedStore: when it cannot be read.
        """
        values = _read(place, _asked(number))
        if values is None:
            return None
        try:
            clips = tuple(Clip(**clip) for clip in values["clips"])
            return cls(int(values["round"]), str(values["key"]), clips)
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedStore(place.told(_asked(number)), f"it cannot be read ({error})") from error


@dataclass(frozen=True)
class Frozen:
    """The answers that trainings have begun with: by utterance, and how many rounds they are of."""

    rounds: int = 0
    decisions: Mapping[str, Decision] = field(default_factory=dict)

    @property
    def emotions(self) -> dict[str, str]:
        """By utterance its class."""
        return {name: one.emotion for name, one in self.decisions.items() if not one.left}

    @property
    def votes(self) -> dict[str, str]:
        """By utterance its votes, as one cell."""
        return {name: one.votes for name, one in self.decisions.items() if not one.left}

    @property
    def left(self) -> dict[str, int]:
        """Utterances that nobody could tell, and how many annotators each of them took."""
        return {name: one.abstained for name, one in self.decisions.items() if one.left}

    @classmethod
    def read(cls, place: Place) -> Frozen:
        """Of all rounds whose training has begun.

        Raises:
            DamagedStore: when a file of it cannot be read.
        """
        decisions: dict[str, Decision] = {}
        number = 0
        while (values := _read(place, _frozen(number))) is not None:
            try:
                decisions |= {name: Decision(**one) for name, one in values["decisions"].items()}
            except (KeyError, TypeError, AttributeError) as error:
                told = place.told(_frozen(number))
                raise DamagedStore(told, f"it cannot be read ({error})") from error
            number += 1
        return cls(number, decisions)

    def freeze(self, place: Place, decisions: Mapping[str, Decision]) -> Frozen:
        """The same and the answers of the next round, which count from here on; the first writer wins."""
        values = {"round": self.rounds, "decisions": {name: asdict(one) for name, one in decisions.items()}}
        place.create(_frozen(self.rounds), as_json(values))
        return Frozen.read(place)


def _read(place: Place, name: str) -> dict[str, Any] | None:
    try:
        values = json.loads(place.read(name))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DamagedStore(place.told(name), f"it cannot be read ({error})") from error
    if not isinstance(values, dict):
        raise DamagedStore(place.told(name), "it is no JSON object")
    return values


def _asked(number: int) -> str:
    return f"asked/{number}.json"


def _frozen(number: int) -> str:
    return f"rounds/{number}.json"
