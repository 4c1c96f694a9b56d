"""A CSV as somebody's spreadsheet writes it: columns of texts, with the line that each row starts in."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from after_ray.errors import BadTable
from after_ray.wording import first_of, printable

DELIMITERS = (",", ";", "\t")
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
SHOWN = 5
LONGEST_SHOWN = 40  # characters of a value
SAVE_AS = "Save it as a CSV in UTF-8, with commas, semicolons or tabs."


@dataclass(frozen=True)
class Table:
    """Texts without the blanks around them.

    Attributes:
        file: where it was read.
        columns: one text per row, for each column that was wanted; empty where the CSV has no such column.
        lines: the line of the file, counted from 1, in which each row starts.
        unused: columns that the CSV has besides.
    """

    file: Path
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    unused: tuple[str, ...]

    def refuse_where(self, column: str, wrong: Callable[[str], bool], what: str, remedy: str) -> None:
        """Refuse the table when values of a column are wrong.

        Raises:
            BadTable: naming the first of them and the lines.
        """
        rows = [row for row, value in enumerate(self.columns[column]) if wrong(value)]
        if rows:
            first = self.columns[column][rows[0]]
            value = f" '{shortened(first)}'" if first else ""
            raise BadTable(self.file, f"{what}{value} in {self.where(rows)}", remedy)

    def where(self, rows: Sequence[int]) -> str:
        """The lines of rows, in words."""
        return in_lines([self.lines[row] for row in rows])


def read_table(file: Path, required: Sequence[str], optional: Sequence[str]) -> Table:
    """Read a CSV in UTF-8 whose first row names its columns; comma, semicolon or tab, told by that row.

    Raises:
        BadTable: when it cannot be read, lacks a required column, or has rows of another length.
    """
    text = _text(file)
    delimiter = _delimiter(text, required)
    records = _records(file, text, delimiter)
    _, header = next(records, (1, []))
    _check_header(file, header, required)
    lines, rows = _rows(file, records, len(header), delimiter)
    wanted = [name for name in (*required, *optional) if name in header]
    columns: dict[str, Sequence[str]] = {name: [""] * len(rows) for name in optional}
    columns |= {name: [row[header.index(name)] for row in rows] for name in wanted}
    table = Table(file, columns, lines, tuple(name for name in header if name not in wanted))
    for name in wanted:
        table.refuse_where(
            name,
            lambda value: CONTROL_CHARACTER.search(value) is not None,
            f"a control character or line break is in the {name}",
            "Take it out.",
        )
    return table


def in_lines(lines: Sequence[int]) -> str:
    """`line 3`, or `lines 3, 7 and 9`, or the first five and how many more."""
    if len(lines) == 1:
        return f"line {lines[0]}"
    shown, more = lines[:SHOWN], len(lines) - SHOWN
    last = f"{more} more" if more > 0 else str(shown[-1])
    return f"lines {', '.join(map(str, shown if more > 0 else shown[:-1]))} and {last}"


def shortened(value: str) -> str:
    """A value as it can be shown, cut where it is long."""
    return printable(value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}...")


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        remedy = "Check 'file' in the corpus block (a relative one is relative to the study file)."
        raise BadTable(file, f"it cannot be opened ({error.strerror})", remedy) from error
    if (place := data.find(b"\0")) >= 0:
        line = data.count(b"\n", 0, place) + 1
        raise BadTable(file, f"line {line} has a NUL byte, as UTF-16 and spreadsheets' own files do", SAVE_AS)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadTable(file, f"line {line} is not UTF-8", SAVE_AS) from error


def _delimiter(text: str, required: Sequence[str]) -> str:
    """The one that splits the first line into the most required columns."""
    header = text.lstrip().partition("\n")[0]

    def found(delimiter: str) -> int:
        return len({part.strip().strip('"') for part in header.split(delimiter)} & {*required})

    return max(DELIMITERS, key=found)


def _records(file: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line and values of every row that is not empty."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    line = 1
    try:
        for record in reader:
            values = [value.strip() for value in record]
            if any(values):
                yield line, values
            line = reader.line_num + 1
    except csv.Error as error:
        remedy = (
            "Check its quotes: a value in double quotes ends with one, and one inside it is written twice."
        )
        raise BadTable(file, f"the row in line {line} cannot be read ({error})", remedy) from error


def _check_header(file: Path, header: Sequence[str], required: Sequence[str]) -> None:
    remedy = f"Name its columns in the first line: {', '.join(required)} are required."
    if not header:
        raise BadTable(file, "it is empty", remedy)
    missing = [name for name in required if name not in header]
    if missing:
        present = first_of([shortened(name) for name in header], 2 * SHOWN)
        noun = "column" if len(missing) == 1 else "columns"
        raise BadTable(file, f"it lacks the {noun} {', '.join(missing)}; it has {present}", remedy)
    repeated = next((name for name in header if name and header.count(name) > 1), None)
    if repeated is not None:
        raise BadTable(file, f"the column '{shortened(repeated)}' is there twice", "Keep one of them.")


def _rows(
    file: Path, records: Iterator[tuple[int, list[str]]], width: int, delimiter: str
) -> tuple[list[int], list[list[str]]]:
    """Lines and values of all rows below the header."""
    lines, rows, wrong = [], [], []
    for line, values in records:
        lines.append(line)
        rows.append(values)
        if len(values) != width:
            wrong.append(line)
    if wrong:
        verb = "has" if len(wrong) == 1 else "have"
        name = "tab" if delimiter == "\t" else delimiter
        raise BadTable(
            file,
            f"{in_lines(wrong)} {verb} not the {width} values of the first line",
            f"Put a value that holds the delimiter ({name}) into double quotes.",
        )
    if not rows:
        raise BadTable(file, "there is no row below its first line", "Write one row per utterance.")
    return lines, rows
