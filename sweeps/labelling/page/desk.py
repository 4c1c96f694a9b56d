"""What one annotator has before them: the clips that wait, the answers so far, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from after_ray.errors import AfterRayError
from after_ray.labelling import Answer, Clip
from after_ray.wording import printable
from sweeps.labelling.page.batch import Batch

VIA = "page"


class NotWaiting(AfterRayError):
    """An answer about a clip that waits for none of this annotator."""


class Desk:
    """One annotator's part of a batch; any number of windows may look at it, and each answer counts once.

    Args:
        batch: that everybody labels.
        annotator: who answers here.
    """

    def __init__(self, batch: Batch, annotator: str) -> None:
        self._batch, self.annotator = batch, annotator

    def clip(self, number: int) -> Clip | None:
        """A clip of the batch; None where there is no such number."""
        clips = self._batch.clips
        return clips[number] if 0 <= number < len(clips) else None

    def state(self) -> dict[str, Any]:
        """What the page shows, as JSON values."""
        with self._batch.lock:
            self._batch.look()
            mine = self._mine()
            training = self._batch.training or self._batch.elsewhere
            waiting = None if training else self._next(mine)  # the next round may have chosen already
            if self._batch.finished:
                self._batch.end_told.set()
            clip = None if waiting is None else self._batch.clips[waiting]
            return {
                "study": self._batch.study,
                "annotator": self.annotator,
                "classes": list(self._batch.classes),
                "round": self._batch.round,
                "clip": waiting,
                "utterance": None if clip is None else clip.utterance,
                "answered": sum(one.utterance in mine for one in self._batch.clips),
                "clips": sum(one.utterance in mine or self._waits(one) for one in self._batch.clips),
                "undo": self._last(mine) is not None and not self._batch.training,
                "tied": len(self._batch.tied),
                "decided": self._batch.decided,
                "training": training,
                "finished": self._batch.finished,
            }

    def answer(self, number: int, utterance: str, label: str | None) -> None:
        """Write down what the annotator says of a clip; it is in the store when this returns.

        Raises:
            NotWaiting: when the clip is not of this batch, or this annotator has answered it elsewhere.
            AfterRayError: for a label that is no class.
        """
        with self._batch.lock:
            self._batch.look()
            clip = self.clip(number)
            if self._batch.training or clip is None or clip.utterance != utterance:
                raise NotWaiting("This clip is not asked for any more; the page shows what is.")
            if label is not None and label not in self._batch.classes:
                allowed = ", ".join(self._batch.classes)
                raise AfterRayError(f"'{printable(label)}' is no class; allowed: {allowed}.")
            given = self._mine().get(utterance)
            if given is not None:
                said = given.label or "cannot tell"
                raise NotWaiting(f"This clip has been answered in another window: {said}.")
            if not self._waits(clip):
                raise NotWaiting("Others have answered this clip meanwhile; it needs no more answers.")
            self._batch.journal.add([Answer(utterance, self.annotator, label)], VIA)

    def undo(self) -> None:
        """Take the annotator's newest answer of this batch back, so that its clip waits again.

        Raises:
            NotWaiting: when there is none.
        """
        with self._batch.lock:
            self._batch.look()
            last = self._last(self._mine())
            if last is None or self._batch.training:
                raise NotWaiting("There is no answer to take back.")
            self._batch.journal.add([Answer(last, self.annotator, None, withdrawn=True)], VIA)

    def _mine(self) -> Mapping[str, Answer]:
        """This annotator's answers that stand, by utterance."""
        given = self._batch.journal.standing()
        return {name: one[self.annotator] for name, one in given.items() if self.annotator in one}

    def _next(self, mine: Mapping[str, Answer]) -> int | None:
        clips = enumerate(self._batch.clips)
        return next(
            (number for number, clip in clips if self._waits(clip) and clip.utterance not in mine), None
        )

    def _waits(self, clip: Clip) -> bool:
        return clip.utterance in self._batch.undecided

    def _last(self, mine: Mapping[str, Answer]) -> str | None:
        """The utterance of the newest answer of this batch that stands."""
        here = {clip.utterance for clip in self._batch.clips}
        for said in reversed(self._batch.journal.said()):
            for answer in reversed(said.answers):
                if answer.utterance in here and mine.get(answer.utterance) == answer:
                    return answer.utterance
        return None
