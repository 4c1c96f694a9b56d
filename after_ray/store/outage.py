"""Outages of the store: full, read-only or not answering. Work waits for its end, for some minutes."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from after_ray.errors import AfterRayError, UnwritableCheckpoint
from after_ray.store.artifacts import Store
from after_ray.store.places import is_bucket

LIMIT_SECONDS = 600.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
ROOM_FOR_A_RECORD = 1 << 16  # bytes
OUTAGES = frozenset(
    {
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EIO,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.EACCES,
        errno.EPERM,
    }
)


class StoreUnavailable(AfterRayError):
    """A store that could not be written to for longer than anybody waits."""

    def __init__(self, store: str, seconds: float, reason: str) -> None:
        super().__init__(
            f"The store {store} cannot be used since {seconds / 60:.0f} minutes ({reason}); what is recorded "
            "stays. See that it can be written to and has room, and run the same command again."
        )


class Outage:
    """The outage that one piece of work is in, if it is in one.

    The work is entered again after each pause, since it goes on from checkpoints and records:
    `pause`, the work, then `over`, or `noticed` with its error.

    Args:
        store: the store's folder, or the address of its bucket.
        limit: seconds that an outage may last.
        clock, sleep: seconds, monotonic; what waits.
    """

    def __init__(
        self,
        store: Path | str,
        limit: float = LIMIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store, self._limit, self._clock, self._sleep = os.fspath(store), limit, clock, sleep
        self._since: float | None = None
        self._pause = 0.0
        self._room = ROOM_FOR_A_RECORD

    @property
    def lasts(self) -> bool:
        """Whether the store was gone when it was last used."""
        return self._since is not None

    def pause(self) -> None:
        """Wait before the work is entered again: twice as long each time. Without an outage nothing.

        Raises:
            OSError: when the store still refuses a file as large as the one that failed; the work would
                begin in vain.
        """
        if self._since is None:
            return
        left = self._since + self._limit - self._clock()
        self._pause = min(max(FIRST_PAUSE, 2 * self._pause), LONGEST_PAUSE)
        self._sleep(max(0.0, min(self._pause, left)))
        Store(self._store).probe(self._room)

    def over(self) -> None:
        """The work did a step: the store is there."""
        self._since, self._pause, self._room = None, 0.0, ROOM_FOR_A_RECORD

    def noticed(self, error: BaseException) -> str | None:
        """One sentence where an error is an outage of the store that is waited for; None for any other.

        Raises:
            StoreUnavailable: when this outage has lasted for the limit.
        """
        reason = outage_in(error, self._store)
        if reason is None:
            return None
        self._since = self._clock() if self._since is None else self._since
        if isinstance(error, UnwritableCheckpoint):
            self._room = max(self._room, error.size)
        lasted = self._clock() - self._since
        if lasted >= self._limit:
            raise StoreUnavailable(self._store, lasted, reason) from error
        return (
            f"The store {self._store} cannot be used ({reason}); what runs waits for it, up to "
            f"{self._limit / 60:.0f} minutes: free room there or make it writable."
        )


def outage_in(error: BaseException, store: Path | str) -> str | None:
    """Why the store is not there, where an error comes from an outage of it; None for any other error."""
    if _number(error) in OUTAGES and _is_about(error, store):
        return _reason(error)
    if isinstance(error, UnwritableCheckpoint):
        cause = error.__cause__
        return "a checkpoint cannot be written" if cause is None else _reason(cause)
    return None


def _reason(error: BaseException) -> str:
    """As a bucket or the system says it."""
    number = _number(error)
    told = getattr(error, "strerror", None) or (number and os.strerror(number))
    return told or str(error)


def _number(error: BaseException) -> int | None:
    """The system's error number; that of a tensor file is only in the text of its error."""
    if isinstance(error, OSError):
        return error.errno
    if type(error).__name__ != "SafetensorError":
        return None
    told = re.search(r"\(os error (\d+)\)", str(error))
    return int(told.group(1)) if told else None


def _is_about(error: BaseException, store: Path | str) -> bool:
    """Whether the file an error names is in the store; errors of writing mostly name none."""
    # Of a copy both are named, and what fails is the writing of the second (a node's cache, perhaps).
    name = getattr(error, "filename2", None) or getattr(error, "filename", None)
    return not name or is_in_store(os.fsdecode(name), os.fspath(store))


def is_in_store(path: str, store: str) -> bool:
    """Whether a file is one of a store, which is a folder or a bucket."""
    if is_bucket(store):
        return f"{path}/".startswith(f"{store.rstrip('/')}/")
    return not is_bucket(path) and Path(os.path.realpath(path)).is_relative_to(os.path.realpath(store))
