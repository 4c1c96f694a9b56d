"""Saying now and then that one lives: a launch that is not heard of for a while counts as dead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

BEAT_SECONDS = 5.0
DEAD_AFTER = 60.0  # seconds without a beat, on the clock of who looks; file systems tell of changes late


@contextmanager
def beating(beat: Callable[[], None], name: str) -> Iterator[None]:
    """Call `beat` every few seconds, on a thread of that name; an outage of the store skips one."""
    ended = threading.Event()

    def until_the_end() -> None:
        while not ended.wait(BEAT_SECONDS):
            with suppress(OSError):  # the next one may be heard
                beat()

    thread = threading.Thread(target=until_the_end, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
