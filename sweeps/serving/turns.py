"""Requests take turns at the model, a batch each, and end when their time is up or nobody waits for them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Condition, Event

LOOK_EVERY = 0.2  # seconds, while another request has its turn


class Stopped(Exception):
    """The rest of a request is not worth doing; no error of the model, so that nobody asks it again."""


class Asked:
    """A request on its way: when it has to be done, and whether who asked is still there.

    Attributes:
        seconds: that it may take, waiting for others included.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds
        self._left = Event()

    def leave(self) -> None:
        """Nobody waits for the answer any more."""
        self._left.set()

    def check(self) -> None:
        """Return where it is worth going on.

        Raises:
            Stopped: where not.
        """
        if self._left.is_set():
            raise Stopped("Who asked has left.")
        if time.monotonic() > self._ends:
            raise Stopped(
                f"The request was not done within {self.seconds:g} s, in which others had turns, too; send "
                "fewer recordings at a time, choose a larger hop, or give the server a longer --timeout."
            )


ASKED: ContextVar[Asked | None] = ContextVar("ASKED", default=None)
"""The request that is being answered; None under MLflow's own command, which has no limits of ours."""


class Turns:
    """Who comes first, is first: a lock would let a long request go on and on."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: deque[object] = deque()

    @contextmanager
    def turn(self, asked: Asked | None) -> Iterator[None]:
        """Be alone, after those who came before.

        Raises:
            Stopped: when it is not worth waiting any longer.
        """
        mine = object()
        with self._changed:
            self._waiting.append(mine)
        try:
            with self._changed:
                while self._waiting[0] is not mine:
                    if asked is not None:
                        asked.check()
                    self._changed.wait(LOOK_EVERY)
            if asked is not None:
                asked.check()
            yield
        finally:
            with self._changed:
                self._waiting.remove(mine)
                self._changed.notify_all()
