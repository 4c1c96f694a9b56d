"""What people said: one file for every time that somebody said something, in order, none ever changed."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from after_ray.errors import DamagedStore
from after_ray.files import as_json
from after_ray.store.places import Place

FOLDER = "answers"
CANNOT_TELL = frozenset({"cannot tell", "can't tell", "?"})  # how people say so in files, whatever the case


@dataclass(frozen=True)
class Answer:
    """What one annotator says of one utterance.

    Attributes:
        utterance: its id in the manifest.
        annotator: a name.
        label: the class; None of who cannot tell.
        withdrawn: whether an earlier answer is taken back and none given.
    """

    utterance: str
    annotator: str
    label: str | None
    withdrawn: bool = False


@dataclass(frozen=True)
class Said:
    """Answers that came in together: their place in the order, how (`csv`, `page`), and when (seconds)."""

    number: int
    via: str
    at: float
    answers: tuple[Answer, ...]


class Journal:
    """All answers of one labelling, read once each: what is written does not change.

    Args:
        place: of the labelling.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._said: list[Said] = []

    def add(self, answers: Sequence[Answer], via: str) -> Said:
        """Write answers behind all others; they are in the store when this returns."""
        while True:
            said = Said(len(self.said()) + 1, via, time.time(), tuple(answers))
            values = {"via": said.via, "at": said.at, "answers": [asdict(one) for one in said.answers]}
            if self._place.create(_name(said.number), as_json(values)):
                self._said.append(said)
                return said

    def said(self) -> Sequence[Said]:
        """Everything that was said so far, in order.

        Raises:
            DamagedStore: when a file of it cannot be read.
        """
        while (name := _name(len(self._said) + 1)) and self._place.size(name) is not None:
            self._said.append(self._read(name, len(self._said) + 1))
        return self._said

    def standing(self) -> dict[str, dict[str, Answer]]:
        """By utterance and annotator the answer that counts, in the order in which they were given."""
        found: dict[str, dict[str, Answer]] = {}
        for said in self.said():
            for answer in said.answers:
                of_utterance = found.setdefault(answer.utterance, {})
                of_utterance.pop(answer.annotator, None)  # a later answer comes later
                if not answer.withdrawn:
                    of_utterance[answer.annotator] = answer
        return found

    def _read(self, name: str, number: int) -> Said:
        try:
            values: dict[str, Any] = json.loads(self._place.read(name))
            answers = tuple(Answer(**one) for one in values["answers"])
            return Said(number, str(values["via"]), float(values["at"]), answers)
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedStore(self._place.told(name), f"its answers cannot be read ({error})") from error


def _name(number: int) -> str:
    return f"{FOLDER}/{number:08d}.json"
