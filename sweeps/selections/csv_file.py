"""Tables of plain values as CSV, one row in memory at a time."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from after_ray.errors import BadValue
from after_ray.files import write_lines


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a CSV without their ends; None is an empty field, a float has all of its digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="")
    for row in itertools.chain([columns], rows):
        writer.writerow(row)
        yield _emptied(buffer)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV in one step: who reads the path sees all of it, or what was there before.

    Raises:
        BadValue: when the path is that of a folder.
    """
    if not path.name or path.is_dir():
        raise BadValue("--out", str(path), "the name of a file, such as selections.csv")
    write_lines(path, csv_lines(columns, rows))


def _emptied(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
