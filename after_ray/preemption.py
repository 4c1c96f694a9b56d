"""Notice that this process will be ended soon: unfinished work is saved where it next could be, then left."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Preempted(Exception):
    """Work was left because this process will be ended; its state is in its checkpoint."""


class Notice:
    """Whether this process was told that it will be ended."""

    def __init__(self) -> None:
        self.given = False

    def give(self) -> None:
        """Tell it."""
        self.given = True

    def withdraw(self) -> None:
        """As if nothing had been told."""
        self.given = False

    def listen(self) -> None:
        """Take SIGTERM for the notice, in place of ending at once; only a main thread can."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.give()


NOTICE = Notice()  # of this process: a signal is for a process, so there is one of it
