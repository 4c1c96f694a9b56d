"""What is labelled now, by all annotators: a round's clips, until every one is decided and trained on."""

from __future__ import annotations

import threading
import time

from after_ray.labelling import Clip, Journal, Undecided
from sweeps.labelling.opening import OpenLabelling, Standing


class Batch:
    """The clips that a round asks for, looked at by desks and by who trains on them.

    Args:
        opened: the labelling.

    Attributes:
        lock: held by whoever reads or writes answers.
        training: whether its answers are frozen, so that none counts any more.
        undecided: utterances that wait for an answer, by any annotator.
        tied: those of them about which annotators disagree.
        end_told: set once a page has heard that all rounds are labelled.
    """

    def __init__(self, opened: OpenLabelling) -> None:
        self._opened = opened
        self.lock = threading.RLock()
        self.training = False
        self.end_told = threading.Event()
        self._standing = opened.stands()
        self._decided_at: float | None = None
        self.undecided: frozenset[str] = frozenset()
        self.tied: frozenset[str] = frozenset()
        self.look()

    @property
    def study(self) -> str:
        """Name of the study that waits."""
        return self._opened.labelling.study

    @property
    def classes(self) -> tuple[str, ...]:
        """What can be answered."""
        return self._opened.labelling.classes

    @property
    def journal(self) -> Journal:
        """Where answers go."""
        return self._opened.journal

    @property
    def clips(self) -> tuple[Clip, ...]:
        """In the order asked; a clip's place in it is its number."""
        asked = self._standing.asked
        return () if asked is None else asked.clips

    @property
    def round(self) -> int:
        """The round that asks."""
        return self._standing.frozen.rounds

    @property
    def finished(self) -> bool:
        """Whether the last round is trained."""
        return self._standing.finished

    @property
    def elsewhere(self) -> bool:
        """Whether another command trains, so that nothing is asked until it has chosen."""
        return self._standing.asked is None and not self._standing.finished

    @property
    def decided(self) -> bool:
        """Whether the answers decide every clip, so that they can be trained on."""
        return self._decided_at is not None

    def decided_for(self, seconds: float) -> bool:
        """Whether they have for so long."""
        return self._decided_at is not None and time.monotonic() - self._decided_at >= seconds

    def look(self) -> None:
        """See what the answers come to, and whether another command has gone on with them meanwhile."""
        with self.lock:
            if self.elsewhere or self._opened.place.size(f"rounds/{self.round}.json") is not None:
                self._standing = self._opened.stands()
            decided = self._opened.decided(self.clips)
            waiting = {name: one for name, one in decided.items() if isinstance(one, Undecided)}
            self.undecided = frozenset(waiting)
            self.tied = frozenset(name for name, one in waiting.items() if one.tied)
            if self.undecided or not self.clips:
                self._decided_at = None
            elif self._decided_at is None:
                self._decided_at = time.monotonic()

    def close(self) -> bool:
        """Take no more answers, as training begins; False where one was taken back just now."""
        with self.lock:
            self.look()
            self.training = self.decided
            return self.training

    def goes_on_with(self, standing: Standing) -> None:
        """The next round has chosen, or all are done."""
        with self.lock:
            self._standing, self.training, self._decided_at = standing, False, None
            self.look()
