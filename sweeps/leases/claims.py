"""Which jobs other launches are at work on, so that what two of them want is computed once.

Claims save work and nothing else: whoever computes a stage that another one computes too finds its record, or
the other one finds his. So a claim is never waited for long, and one that cannot be read or written is none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace

from after_ray.files import as_json
from after_ray.store import Store
from after_ray.store.garbage import CLAIMS, LAUNCHES
from sweeps.leases.beating import DEAD_AFTER, beating
from sweeps.leases.holder import Holder

LOOK_SECONDS = 5.0  # between two looks at a job that another launch is at work on


@dataclass
class _Heard:
    """What was last heard of another launch, and when by our clock."""

    holder: Holder
    at: float


class Claims:
    """The claims of one launch.

    Args:
        store: that launches share.
        clock: seconds, monotonic.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._mine = Holder.here()
        self._heard: dict[str, _Heard] = {}
        self._looked: dict[str, float] = {}  # key of a job that is claimed elsewhere -> when we looked

    @contextmanager
    def held(self) -> Iterator[None]:
        """This launch lives, and says so now and then."""
        try:
            with suppress(OSError):  # an outage of the store: the next one may be heard
                self._beat()
            with beating(self._beat, "claims"):
                yield
        finally:
            with suppress(OSError):  # then it is found dead
                self._store.place.remove(_launch(self._mine.token))

    def is_elsewhere(self, key: str) -> bool:
        """Whether a job was left to another launch, and is not known to be finished."""
        return key in self._looked

    def take(self, key: str) -> bool:
        """Claim a job; False while another launch that lives is at work on it."""
        if self._clock() - self._looked.get(key, -LOOK_SECONDS) < LOOK_SECONDS:
            return False
        try:
            text = as_json({"launch": self._mine.token})
            mine = self._store.place.create(_claim(key), text) or self._take_over(key)
        except OSError:  # an outage of the store: the trial itself waits for its end
            mine = True
        if mine:
            self._looked.pop(key, None)
        else:
            self._looked[key] = self._clock()
        return mine

    def finished_elsewhere(self) -> list[str]:
        """Jobs that were left to other launches and are finished now; looked at as seldom as by `take`."""
        now = self._clock()
        due = [key for key, looked in self._looked.items() if now - looked >= LOOK_SECONDS]
        with suppress(OSError):  # an outage of the store: the next look may tell
            found = [key for key in due if self._store.find(key) is not None]
            for key in found:
                del self._looked[key]
            return found
        return []

    def give_back(self, key: str) -> None:
        """A job has ended, or is left; a claim that another launch has taken over stays."""
        with suppress(OSError):  # it counts no more once this launch has ended
            if self._holder_of(key) == self._mine.token:
                self._store.place.remove(_claim(key))

    def _take_over(self, key: str) -> bool:
        """Take the claim of a launch that is dead. Two that do so at once both compute."""
        token = self._holder_of(key)
        if token is not None and token != self._mine.token and self._lives(token):
            return False
        self._store.place.write(_claim(key), as_json({"launch": self._mine.token}))
        return True

    def _holder_of(self, key: str) -> str | None:
        try:
            return str(json.loads(self._store.place.read(_claim(key)))["launch"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def _lives(self, token: str) -> bool:
        """Whether a launch is heard of; one that is heard of for the first time is given some time."""
        try:
            there = Holder(**json.loads(self._store.place.read(_launch(token))))
        except (FileNotFoundError, ValueError, TypeError):
            return False
        if there.is_gone():
            return False
        heard = self._heard.get(token)
        if heard is None or heard.holder != there:
            self._heard[token] = heard = _Heard(there, self._clock())
        return self._clock() - heard.at < DEAD_AFTER

    def _beat(self) -> None:
        self._mine = replace(self._mine, beats=self._mine.beats + 1)
        self._store.place.write(_launch(self._mine.token), as_json(asdict(self._mine)))


def _claim(key: str) -> str:
    return f"{CLAIMS}/{key}.json"


def _launch(token: str) -> str:
    return f"{LAUNCHES}/{token}.json"
