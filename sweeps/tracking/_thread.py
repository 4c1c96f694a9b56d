"""The mirror on a thread of its own: a slow or dead tracker never holds up a study."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from after_ray.errors import AfterRayError
from after_ray.store import Store
from sweeps.mirrored import MirroredStudy, MirroredTrajectory
from sweeps.tracking._mirror import Mirror
from sweeps.tracking.errors import MirrorSlow, TrackerRefused

RETRY_SECONDS = 30.0
ENOUGH_FAILURES = 3  # trajectories in one pass; then the tracker is to blame and is left alone for a while


@dataclass(frozen=True)
class MirrorReport:
    """How many submitted trajectories MLflow has, how many it does not have yet, and why (one sentence)."""

    mirrored: int
    pending: int
    error: str | None


class MirrorThread:
    """Mirrors trajectories in the background: `submit` each, then `close`.

    The first failure is named at once through `say`; what failed is tried again at most every
    `retry_seconds` and once more at the end. What is still missing then is mirrored by the next run.
    """

    def __init__(
        self,
        tracking_uri: str,
        store: Store,
        study: MirroredStudy,
        *,
        retry_seconds: float = RETRY_SECONDS,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._tracking_uri, self._store, self._study = tracking_uri, store, study
        self._retry_seconds = retry_seconds
        self._say = say or _print_error
        self._submitted: SimpleQueue[MirroredTrajectory | None] = SimpleQueue()  # None: nothing will follow
        self._waiting: deque[MirroredTrajectory] = deque()
        self._count = self._mirrored = 0
        self._error: str | None = None
        self._not_before = 0.0  # monotonic clock; when the tracker may be tried again
        self._closing = False
        self._abandoned = threading.Event()
        self._mirror: Mirror | None = None
        self._thread = threading.Thread(target=self._work, name="mlflow-mirror", daemon=True)
        self._thread.start()

    def submit(self, trajectory: MirroredTrajectory) -> None:
        """Have a trajectory mirrored; returns at once."""
        self._count += 1
        self._submitted.put(trajectory)

    def close(self, timeout: float) -> MirrorReport:
        """Wait until all is mirrored, or the tracker failed once more, or `timeout` seconds are over."""
        self._submitted.put(None)
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._abandoned.set()
            self._error = self._error or str(MirrorSlow(self._tracking_uri, timeout))
        return MirrorReport(self._mirrored, self._count - self._mirrored, self._error)

    def _work(self) -> None:
        self._pass()  # a dead tracker is named before the first trial ends
        while not self._closing:
            self._take(self._pause())
            if time.monotonic() >= self._not_before:
                self._pass()
        if self._waiting or self._mirror is None:
            self._pass()
        self._end()

    def _pause(self) -> float | None:
        """Seconds until something is to do by itself; None when only a submission can bring work."""
        idle = not self._waiting and self._mirror is not None
        return None if idle else max(0.0, self._not_before - time.monotonic())

    def _take(self, timeout: float | None) -> None:
        """Move what was submitted to the waiting list; wait for the first of it."""
        try:
            one = self._submitted.get(timeout=timeout)
            while one is not None:
                self._waiting.append(one)
                one = self._submitted.get_nowait()
            self._closing = True
        except Empty:
            return

    def _pass(self) -> None:
        """Mirror what waits; after a failure runs are looked up anew, since the request may have worked."""
        failed: list[MirroredTrajectory] = []
        try:
            mirror = self._mirror = self._mirror or self._open()
            while self._waiting and len(failed) < ENOUGH_FAILURES and not self._abandoned.is_set():
                self._one(mirror, self._waiting.popleft(), failed)
        except Exception as error:
            self._note(error)
            self._rest()
        if failed:
            self._rest()
            self._waiting.extend(failed)
        elif self._mirror is not None:
            self._error = None

    def _one(self, mirror: Mirror, trajectory: MirroredTrajectory, failed: list[MirroredTrajectory]) -> None:
        try:
            mirror.trajectory(trajectory)
            self._mirrored += 1
        except Exception as error:
            failed.append(trajectory)
            self._note(error)

    def _open(self) -> Mirror:
        mirror = Mirror(self._tracking_uri, self._store)
        try:
            mirror.open_study(self._study)
        except Exception:
            mirror.release()
            raise
        return mirror

    def _rest(self) -> None:
        if self._mirror is not None:
            self._mirror.release()
            self._mirror = None
        self._not_before = time.monotonic() + self._retry_seconds

    def _end(self) -> None:
        if self._mirror is None:
            return
        if self._waiting:
            self._mirror.release()  # abandoned: the study's run stays open for the next mirror
            return
        try:
            self._mirror.close_study()
        except Exception as error:
            self._note(error)
            self._mirror.release()

    def _note(self, error: Exception) -> None:
        """Keep the sentence, and say it unless it was said last time."""
        own = isinstance(error, AfterRayError)
        sentence = str(error if own else TrackerRefused(self._tracking_uri, error))
        if sentence != self._error:
            self._say(sentence)
        self._error = sentence


def _print_error(sentence: str) -> None:
    from sweeps._console import errors

    errors.print(f"warning: {sentence}", markup=False)
