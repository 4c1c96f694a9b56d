"""News of which only the newest matters, passed from one thread to another now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Newest:
    """One value, until it is taken or a newer one takes its place; taken at most every `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()  # held for an assignment, never while a tracker is waited for
        self._value: Any = None
        self.due = 0.0  # monotonic clock; when the value may be taken

    @property
    def waits(self) -> bool:
        """Whether there is a value."""
        return self._value is not None

    def put(self, value: Any) -> bool:
        """Have `value` taken instead of what waits; True when nothing did."""
        with self._lock:
            first, self._value = self._value is None, value
            return first

    @contextmanager
    def taken(self, at_once: bool = False) -> Iterator[Any]:
        """The value when it is due, else None; it waits again when what is done with it fails."""
        with self._lock:
            value, due = self._value, at_once or time.monotonic() >= self.due
            if value is None or not due:
                value = None
            else:
                self._value = None
        try:
            yield value
        except BaseException:
            with self._lock:
                self._value = value if self._value is None else self._value
            raise
        if value is not None:
            self.due = time.monotonic() + self._seconds
