"""What belongs to one launch: a second one is refused while the first lives, and takes over when not.

Nothing depends on it but work: records are written once, whoever writes them.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from typing import Any

from after_ray.errors import AfterRayError
from after_ray.files import as_json
from after_ray.store.places import Place
from sweeps.leases.beating import DEAD_AFTER, beating
from sweeps.leases.holder import Holder

FILE = "running.json"
LOOK_SECONDS = 1.0


class Lease(ABC):
    """A file that says which launch is at work.

    Args:
        place: where the file is.
        study: what the launch runs, for people.
        say: told that this launch looks for a while whether another one lives.
        clock, sleep: seconds, monotonic; what waits.
        file: its name in the place.
    """

    what = "the work"  # for people

    def __init__(
        self,
        place: Place,
        study: str,
        say: Callable[[str], None] = print,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        file: str = FILE,
    ) -> None:
        self._place, self._study, self._say = place, study, say
        self._clock, self._sleep = clock, sleep
        self._mine, self._file = Holder.here(), file
        self.lost: str | None = None  # one sentence once another launch has taken over

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles what a searcher refers to, for a restore of its own, which is never used."""
        return {}

    @contextmanager
    def held(self) -> Iterator[None]:
        """This launch is at work.

        Raises:
            AfterRayError: the `refusal`, when another one is, and lives.
        """
        self.take()
        try:
            with beating(self.beat, "lease"):
                yield
        finally:
            self.give_back()

    @abstractmethod
    def refusal(self, there: Holder) -> AfterRayError:
        """What is told to who comes second."""

    def take(self) -> None:
        """Write this launch down, if need be in the place of one that is dead."""
        while not self._place.create(self._file, _text(self._mine)):
            there = self._read()
            if there is not None and self._lives(there):
                raise self.refusal(there)
            self._remove(there)

    def _remove(self, dead: Holder | None) -> None:
        """Take away what a dead launch left; of several that try, what one has put there since stays."""
        aside = f"{self._file}.{self._mine.token}"
        if not self._place.take_away(self._file, aside):
            return  # another launch was faster
        taken = self._holder_in(aside)
        if taken is not None and (dead is None or taken.token != dead.token):
            self._place.create(self._file, self._place.read(aside))
        self._place.remove(aside)

    def beat(self) -> None:
        """Say that this launch lives, unless another one has taken over from it."""
        if self.lost is not None:
            return
        there = self._read()
        if there is not None and there.token != self._mine.token:
            self.lost = (
                f"stopped: process {there.process} on {there.host} has taken over {self.what}, because this "
                "launch was not heard of for a minute; it goes on there"
            )
            return
        self._mine = replace(self._mine, beats=self._mine.beats + 1)
        self._place.write(self._file, as_json(asdict(self._mine)))

    def give_back(self) -> None:
        """It is nobody's any more."""
        with suppress(OSError):  # then it is found dead
            there = self._read()
            if there is not None and there.token == self._mine.token:
                self._place.remove(self._file)

    def _lives(self, there: Holder) -> bool:
        """Whether another launch is heard of; one whose machine is another is listened to for a while."""
        if there.is_gone():
            return False
        self._say(
            f"{self.what.capitalize()} of '{self._study}' was begun by process {there.process} on "
            f"{there.host} at {there.since}; looking for up to {DEAD_AFTER:.0f} seconds whether that is "
            "alive ..."
        )
        since = self._clock()
        while self._clock() - since < DEAD_AFTER:
            self._sleep(LOOK_SECONDS)
            now = self._read()
            if now != there:
                return now is not None and now.token == there.token
        return False

    def _read(self) -> Holder | None:
        return self._holder_in(self._file)

    def _holder_in(self, name: str) -> Holder | None:
        """What the file says; None when there is none, or it is damaged."""
        try:
            return Holder(**json.loads(self._place.read(name)))
        except (FileNotFoundError, ValueError, TypeError):
            return None


def _text(holder: Holder) -> bytes:
    return json.dumps(asdict(holder)).encode()
