"""What a person sees while a study runs: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

SECONDS_BETWEEN_LINES = 15

# A table in a log file is as wide as it needs to be.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


class Meter:
    """One counter with a name; `to` moves it."""

    def __init__(self, name: str, total: int, bars: Progress | None) -> None:
        self._name, self._bars = name, bars
        self._total = total
        self._task = bars.add_task(name, total=total) if bars is not None else None
        self._printed = time.monotonic()

    def to(self, done: int, total: int | None = None) -> None:
        """Show that `done` of `total` are finished."""
        self._total = total if total is not None else self._total
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=done, total=self._total)
        elif done >= self._total or time.monotonic() - self._printed > SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            print(f"{self._name}: {done} of {self._total}", flush=True)

    def say(self, line: str) -> None:
        """A line above the bars."""
        if self._bars is not None:
            self._bars.console.print(line)
        else:
            print(line, flush=True)


@contextmanager
def meter(name: str, total: int) -> Iterator[Meter]:
    """A progress bar on a terminal, a line now and then where output goes to a file."""
    if not sys.stdout.isatty():
        yield Meter(name, total, None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        yield Meter(name, total, bars)


def print_counts(title: str, counts: Mapping[str, object]) -> None:
    """A two-column table of numbers."""
    table = Table(title=title, show_header=False, title_justify="left")
    for name, value in counts.items():
        table.add_row(name.replace("_", " "), str(value))
    console.print(table)


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of strings, numbers to the right."""
    table = Table(title=title, title_justify="left")
    for index, name in enumerate(header):
        table.add_column(name, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
