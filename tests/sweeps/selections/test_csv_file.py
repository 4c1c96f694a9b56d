"""Cells come back as they were, and no spreadsheet computes one."""

from __future__ import annotations

import csv
import io

import pytest

from sweeps.selections.csv_file import csv_lines, harmless_path, harmless_text

ODD = ["a,b", 'say "x"', "two\nlines", "a\rb", "end\r\n", " blank ", "=1+1", "ä", ""]


def test_cells_come_back_as_they_were() -> None:
    text = "".join(f"{line}\n" for line in csv_lines(["x", "y"], [(cell, 1.5) for cell in ODD]))
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["x", "y"], *([cell, "1.5"] for cell in ODD)]


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\tx", "\rx", "=a\nb"])
def test_nothing_is_computed(cell: str) -> None:
    assert harmless_path(cell) == f"./{cell}"
    assert harmless_text(cell) == f"'{cell}"


def test_ordinary_cells_stay() -> None:
    for cell in ("a.wav", "/a/=b.wav", "a-b.wav", "anger"):
        assert harmless_path(cell) == harmless_text(cell) == cell
