"""The mirror on a thread of its own: a slow or dead tracker never holds up a study."""

from __future__ import annotations

import enum
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from after_ray.errors import AfterRayError, DamagedStore
from after_ray.store import Store
from sweeps.tracking._links import Links
from sweeps.tracking._mirror import Mirror
from sweeps.tracking._newest import Newest
from sweeps.tracking._refusals import refused
from sweeps.tracking.errors import MirrorSlow, TrackerRefused, print_warning
from sweeps.tracking.mirrored import MirroredRun, MirroredStudy, MirroredTrajectory

RETRY_SECONDS = 30.0
NEWS_SECONDS = 30.0  # between two writings of progress, or of the summaries
ENOUGH_FAILURES = 3  # trajectories in one pass; then the tracker is to blame and is left alone for a while

Submitted = MirroredTrajectory | MirroredRun


class _Signal(enum.Enum):
    NEWS = enum.auto()  # there is progress to write
    CLOSE = enum.auto()  # nothing will follow


@dataclass(frozen=True)
class MirrorReport:
    """How many submitted runs MLflow has, how many not yet and why (one sentence), where to look."""

    mirrored: int
    pending: int
    error: str | None
    links: Links | None = None


class MirrorThread:
    """Mirrors runs in the background: `submit` each, tell `progress`, then `close`.

    The first failure is named at once through `say`; what failed is tried again at most every
    `retry_seconds` and once more at the end. What is still missing then, `after-ray mirror` fills in.
    """

    def __init__(
        self,
        tracking_uri: str,
        store: Store,
        study: MirroredStudy,
        *,
        retry_seconds: float = RETRY_SECONDS,
        news_seconds: float = NEWS_SECONDS,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._tracking_uri, self._store, self._study = tracking_uri, store, study
        self._retry_seconds = retry_seconds
        self._say = say or print_warning
        self._submitted: SimpleQueue[Submitted | _Signal] = SimpleQueue()
        self._waiting: deque[Submitted] = deque()
        self._progress = Newest(news_seconds)
        self._summaries = Newest(news_seconds)
        self._count = self._mirrored = 0
        self._error: str | None = None
        self._links: Links | None = None
        self._not_before = 0.0  # monotonic clock; when the tracker may be tried again
        self._closing = False
        self._abandoned = threading.Event()
        self._mirror: Mirror | None = None
        self._thread = threading.Thread(target=self._work, name="mlflow-mirror", daemon=True)
        self._thread.start()

    def submit(self, one: Submitted) -> None:
        """Have a trajectory, or a run of another kind, mirrored; returns at once."""
        self._count += 1
        self._submitted.put(one)

    def progress(self, values: Mapping[str, float]) -> None:
        """Have numbers of the whole study (cells done, trials running, ...) on its parent run; no waiting.

        Only the newest matter: what is not written yet is dropped for them, and nothing else ever is.
        """
        if self._progress.put((dict(values), time.time())):
            self._submitted.put(_Signal.NEWS)

    def close(self, timeout: float) -> MirrorReport:
        """Wait until all is mirrored, or the tracker failed once more, or `timeout` seconds are over."""
        return close_all([self], timeout)[0]

    def _report(self, timeout: float) -> MirrorReport:
        """How it ended; one that has not, of the `timeout` seconds that it had, is left to itself."""
        if self._thread.is_alive():
            self._abandoned.set()
            self._error = self._error or str(MirrorSlow(self._tracking_uri, timeout, self._study.command))
        return MirrorReport(self._mirrored, self._count - self._mirrored, self._error, self._links)

    def _work(self) -> None:
        self._pass()  # a dead tracker is named before the first trial ends
        while not self._closing:
            self._take(self._pause())
            if time.monotonic() >= self._not_before:
                self._pass()
        if self._waiting or self._progress.waits or self._mirror is None:
            self._pass()
        self._end()

    def _pause(self) -> float | None:
        """Seconds until something is to do by itself; None when only a submission can bring work."""
        now = time.monotonic()
        if self._waiting or self._mirror is None:
            return max(0.0, self._not_before - now)
        due = [one.due for one in (self._progress, self._summaries) if one.waits]
        return max(0.0, min(due) - now) if due else None

    def _take(self, timeout: float | None) -> None:
        """Move what was submitted to the waiting list; wait for the first of it."""
        try:
            one = self._submitted.get(timeout=timeout)
            while one is not _Signal.CLOSE:
                if not isinstance(one, _Signal):
                    self._waiting.append(one)
                one = self._submitted.get_nowait()
            self._closing = True
        except Empty:
            return

    def _pass(self) -> None:
        """Mirror what waits; after a failure runs are looked up anew, since the request may have worked."""
        failed: list[Submitted] = []
        try:
            mirror = self._mirror = self._mirror or self._open()
            while self._waiting and len(failed) < ENOUGH_FAILURES and not self._abandoned.is_set():
                self._one(mirror, self._waiting.popleft(), failed)
            if not failed:
                self._news(mirror)
        except Exception as error:
            self._note(error)
            self._rest()
        if failed:
            self._rest()
            self._waiting.extend(failed)
        elif self._mirror is not None:
            self._error = None

    def _one(self, mirror: Mirror, one: Submitted, failed: list[Submitted]) -> None:
        try:
            if isinstance(one, MirroredRun):
                mirror.run(one)
            else:
                mirror.trajectory(one)
                self._summaries.put(True)
            self._mirrored += 1
        except Exception as error:
            failed.append(one)
            self._note(error)

    def _news(self, mirror: Mirror) -> None:
        """Progress and summaries, each when it is due; at the end `close_study` writes the summaries."""
        with self._progress.taken(at_once=self._closing) as found:
            if found is not None:
                mirror.progress(*found)
        with self._summaries.taken() as due:
            if due and not self._closing:
                self._summarize(mirror)

    def _summarize(self, mirror: Mirror) -> None:
        try:
            mirror.summarize()
        except DamagedStore as error:  # the tracker is not to blame
            self._note(error)

    def _open(self) -> Mirror:
        mirror = Mirror(self._tracking_uri, self._store, say=self._say)
        try:
            mirror.open_study(self._study)
        except Exception:
            mirror.release()
            raise
        self._links = mirror.links
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
        own: BaseException | None = error if isinstance(error, AfterRayError) else None
        told = own or refused(error, self._tracking_uri, self._study.command)
        sentence = str(told or TrackerRefused(self._tracking_uri, error, self._study.command))
        if sentence != self._error:
            self._say(sentence)
        self._error = sentence


def close_all(mirrors: Sequence[MirrorThread], timeout: float) -> tuple[MirrorReport, ...]:
    """Close mirrors at once; `timeout` is that of all together. As `MirrorThread.close` for each."""
    deadline = time.monotonic() + timeout
    for mirror in mirrors:
        mirror._submitted.put(_Signal.CLOSE)
    for mirror in mirrors:
        mirror._thread.join(max(0.0, deadline - time.monotonic()))
    return tuple(mirror._report(timeout) for mirror in mirrors)
