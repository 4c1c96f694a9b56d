"""Whether this process was told that it will be ended: by a signal, or because its whole node will be."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Preempted(Exception):
    """Work was left because this process will be ended; its state is in its checkpoint."""


class Notice:
    """Whether this process was told that it will be ended.

    Attributes:
        given: whether it was.
        of_node: whether it was told because the whole node will be.
        ends: when the node will be, in seconds since the epoch; None where that is not known.
    """

    def __init__(self) -> None:
        self.given = self.of_node = False
        self.ends: float | None = None

    def give(self) -> None:
        """Tell it of this process."""
        self.given = True

    def give_of_node(self, ends: float | None) -> None:
        """Tell it of the whole node."""
        self.of_node, self.ends = True, ends
        self.given = True  # last: another thread looks at it first

    def withdraw(self) -> None:
        """As if nothing had been told."""
        self.given = self.of_node = False
        self.ends = None

    def listen(self) -> None:
        """Take SIGTERM for the notice, in place of ending at once; only a main thread can."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.give()


NOTICE = Notice()  # of this process: a signal is for a process, so there is one of it
