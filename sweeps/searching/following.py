"""What is made of a search's news: a count, its table, and how it stands, as a file and in MLflow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sweeps._console import Meter
from sweeps.launching.sight import UNFINISHED, Standing
from sweeps.planning.jobs import Job
from sweeps.planning.opening import OpenStudy
from sweeps.running.progress import Progress, Searched, write_progress
from sweeps.running.said_once import SaidOnce
from sweeps.searching.book import Book
from sweeps.searching.results import write_candidates
from sweeps.searching.standing import searched

Tells = Callable[[Mapping[str, float]], None]


class FollowingSearch:
    """Follows a search through both of its parts: what all candidates share, then the candidates.

    Args:
        opened: the study.
        book: its candidates.
        tells: takes numbers for the tracker.
    """

    def __init__(self, opened: OpenStudy, book: Book, tells: Tells = lambda numbers: None) -> None:
        self._opened, self._book, self._tells = opened, book, tells
        self._shown: Meter | None = None
        self._shared = (0, 0)
        self._reached: dict[str, tuple[float, ...]] = {}  # key of a candidate -> its scores so far
        self._warn = SaidOnce(self._say)
        self._progress = Progress(len(opened.plan.cells), 0)
        self._write()

    def shows(self, shown: Meter, shared: int = 0) -> None:
        """A part begins: who shows it, and how many stages all candidates share, if it is that one."""
        self._shown, self._shared = shown, (0, shared)

    def on_finished(self, keys: Collection[str]) -> None:
        """Stages that all candidates share, made by another launch meanwhile."""
        self._share(len(keys))

    def on_trial(self, job: Job, result: Mapping[str, Any]) -> None:
        """One step of a trial."""
        if self._warn.heard(job, result):
            return
        if job.kind == "candidate":
            if result.get("scores"):
                before = self._reached.get(job.key, ())
                self._reached[job.key] = max(before, tuple(result["scores"]), key=len)
        elif result.get("done") and not any(result.get(end) for end in UNFINISHED):
            self._share(1)

    def on_standing(self, standing: Standing) -> None:
        """Now and then: how the search stands, for who watches it and for who reads its table."""
        self._progress = replace(
            self._progress,
            running=len(standing.running),
            waiting=len(standing.waiting),
            failed=len(standing.failed),
            hours=standing.hours,
            gpu_hours=standing.gpu_hours,
            gpus_used=standing.gpus[0],
            gpus=standing.gpus[1],
        )
        runs = {job.key for job, _ in standing.running if job.kind == "candidate"}
        found = self._write(frozenset(runs))
        if not self._shared[1]:
            self._to(found.settled)
            with suppress(OSError):  # trials wait for the store by themselves, and the table is written again
                write_candidates(self._book)

    def ended(self, why: str) -> None:
        """The launch is over."""
        self._progress = replace(self._progress, running=0, waiting=0, gpus_used=0.0, ended=why)
        self._write()

    def _share(self, more: int) -> None:
        self._shared = (self._shared[0] + more, self._shared[1])
        self._to(self._shared[0])

    def _write(self, running: frozenset[str] = frozenset()) -> Searched:
        found = searched(self._book, self._reached, running, self._shared)
        self._progress = replace(self._progress, search=found)
        try:
            write_progress(self._opened.store, self._opened.study.study, self._progress)
        except OSError as error:  # it is for who watches; trials wait for the store by themselves
            self._warn(f"How the search stands cannot be written ({error.strerror}); it goes on.")
        self._tells(self._progress.numbers())
        return found

    def _say(self, sentence: str) -> None:
        if self._shown is not None:
            self._shown.say(sentence)

    def _to(self, done: int) -> None:
        if self._shown is not None:
            self._shown.to(done)
