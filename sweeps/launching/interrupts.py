"""Ctrl-C that is not lost: Python drops one that arrives inside a destructor or a C callback."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Remembers that Ctrl-C was pressed, and raises it again where somebody asks."""

    def __init__(self) -> None:
        self.heard = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Remember Ctrl-C inside the block; a block that ends as if nothing had been pressed raises it.

        Elsewhere than in the main thread, where no signal arrives, it does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
        self.raise_if_heard()

    def raise_if_heard(self) -> None:
        """Raise what may have been dropped.

        Raises:
            KeyboardInterrupt: when Ctrl-C was pressed.
        """
        if self.heard:
            raise KeyboardInterrupt

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.heard = True
        raise KeyboardInterrupt
