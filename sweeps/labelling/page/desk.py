"""What one annotator has before them: the clips that wait, the answers so far, and the way back."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from after_ray.errors import AfterRayError
from after_ray.labelling import Answer, Clip
from sweeps.labelling.opening import OpenLabelling, Standing

VIA = "page"


class NotWaiting(AfterRayError):
    """An answer about a clip that waits for none of this annotator."""


@dataclass(frozen=True)
class Place:
    """A clip on the desk and its number in the batch, by which the page asks for it."""

    number: int
    clip: Clip


class Desk:
    """One annotator's part of a batch; any number of windows may look at it, and each answer counts once.

    Args:
        opened: the labelling.
        annotator: who answers.
    """

    def __init__(self, opened: OpenLabelling, annotator: str) -> None:
        self._opened, self.annotator = opened, annotator
        self._lock = threading.RLock()
        self._standing = opened.stands()
        self.training = False
        self.complete = threading.Event()
        self._look()

    @property
    def classes(self) -> tuple[str, ...]:
        """What can be answered."""
        return self._opened.labelling.classes

    def clip(self, number: int) -> Clip | None:
        """A clip of the batch; None where there is no such number."""
        clips = self._clips
        return clips[number] if 0 <= number < len(clips) else None

    def state(self) -> dict[str, Any]:
        """What the page shows, as JSON values."""
        with self._lock:
            mine = self._mine()
            waiting = self._next(mine)
            answered = sum(clip.utterance in mine for clip in self._clips)
            return {
                "study": self._opened.labelling.study,
                "annotator": self.annotator,
                "classes": list(self.classes),
                "round": self._standing.frozen.rounds,
                "clip": None if waiting is None else waiting.number,
                "utterance": None if waiting is None else waiting.clip.utterance,
                "seconds": None if waiting is None else waiting.clip.seconds,
                "answered": answered,
                "clips": len(self._clips),
                "undo": self._last() is not None,
                "training": self.training,
                "finished": self._standing.finished,
            }

    def answer(self, number: int, utterance: str, label: str | None) -> None:
        """Write down what the annotator says of a clip; it is in the store when this returns.

        Raises:
            NotWaiting: when the clip is not of this batch, or this annotator has answered it elsewhere.
            AfterRayError: for a label that is no class.
        """
        with self._lock:
            clip = self.clip(number)
            if self.training or clip is None or clip.utterance != utterance:
                raise NotWaiting("This clip is not asked for any more; the page shows what is.")
            if label is not None and label not in self.classes:
                raise AfterRayError(f"'{label}' is no class; allowed: {', '.join(self.classes)}.")
            given = self._mine().get(utterance)
            if given is not None:
                said = given.label or "cannot tell"
                raise NotWaiting(f"This clip has been answered in another window: {said}.")
            self._opened.journal.add([Answer(utterance, self.annotator, label)], VIA)
            self._look()

    def undo(self) -> None:
        """Take the annotator's newest answer of this batch back, so that its clip waits again.

        Raises:
            NotWaiting: when there is none.
        """
        with self._lock:
            last = self._last()
            if last is None or self.training:
                raise NotWaiting("There is no answer to take back.")
            self._opened.journal.add([Answer(last, self.annotator, None, withdrawn=True)], VIA)
            self._look()

    def goes_on_with(self, standing: Standing) -> None:
        """The next round has chosen, or all are done."""
        with self._lock:
            self._standing, self.training = standing, False
            self.complete.clear()
            self._look()

    @property
    def _clips(self) -> tuple[Clip, ...]:
        asked = self._standing.asked
        return () if asked is None else asked.clips

    def _mine(self) -> Mapping[str, Answer]:
        """This annotator's answers that stand, by utterance."""
        given = self._opened.journal.standing()
        return {name: one[self.annotator] for name, one in given.items() if self.annotator in one}

    def _next(self, mine: Mapping[str, Answer]) -> Place | None:
        places = (Place(number, clip) for number, clip in enumerate(self._clips))
        return next((place for place in places if place.clip.utterance not in mine), None)

    def _last(self) -> str | None:
        """The utterance of the newest answer of this batch that stands."""
        mine, here = self._mine(), {clip.utterance for clip in self._clips}
        for said in reversed(self._opened.journal.said()):
            for answer in reversed(said.answers):
                current = mine.get(answer.utterance)
                if answer.annotator == self.annotator and answer.utterance in here and current == answer:
                    return answer.utterance
        return None

    def _look(self) -> None:
        """Whether everybody's answers decide every clip: then the round is complete."""
        asked = self._standing.asked
        if asked is not None and not self._opened.stands().undecided:
            self.training = True
            self.complete.set()
