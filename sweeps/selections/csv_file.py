"""Tables of plain values as CSV, one row in memory at a time."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from after_ray.corpora._csv_table import CONTROL_CHARACTER
from after_ray.errors import BadValue
from after_ray.files import write_lines

END = "\r\n"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would compute


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a CSV without their ends; None is an empty field, a float has all of its digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=END)  # its characters are those that are quoted in a cell
    for row in itertools.chain([columns], rows):
        writer.writerow(row)
        yield _emptied(buffer).removesuffix(END)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV in one step: who reads the path sees all of it, or what was there before.

    Raises:
        BadValue: when the path is that of a folder.
    """
    refuse_folder(path)
    write_lines(path, csv_lines(columns, rows))


def refuse_folder(path: Path) -> None:
    """Refuse a path at which no file can be written.

    Raises:
        BadValue: when it is that of a folder.
    """
    if not path.name or path.is_dir():
        raise BadValue("--out", str(path), "the name of a file, such as selections.csv")


def harmless_path(text: str) -> str:
    """A cell that no spreadsheet computes, and that is still a path."""
    return f"./{text}" if text.startswith(FORMULA) or CONTROL_CHARACTER.search(text) else text


def harmless_text(text: str) -> str:
    """A cell that no spreadsheet computes: an apostrophe before what it would."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _emptied(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
