"""A table for people and its text forms; each form escapes what it would otherwise read as markup."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "×": r"$\times$",
    "–": "--",
    "—": "---",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "·": r"$\cdot$",
    "…": r"\dots{}",
    "`": r"\textasciigrave{}",
    '"': r"\textquotedbl{}",
    # After the end of a row LaTeX takes a bracket or a star for an argument of that end.
    "[": "{[}",
    "*": "{*}",
}
# Two of them become one character in LaTeX's fonts; an empty group keeps them apart.
_LIGATURES = re.compile(r"(?<=-)(?=-)|(?<=,)(?=,)|(?<=')(?=')|(?<=[?!])(?=`)")
# What 8-bit Latin fonts and their input encoding know; anything else stops pdflatex.
_LATIN = re.compile("[\u0020-\u007e\u00a1-\u00ac\u00ae-\u017f‘’‚“”„]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")

NOTHING = "—"


@dataclass(frozen=True)
class Cell:
    """One field of a table.

    Attributes:
        text: as people read it.
        bold: whether it is the best of its column.
        mark: what stands raised behind the text, such as a dagger.
        value: the number behind the text, to sort by; None where there is none.
    """

    text: str
    bold: bool = False
    mark: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Table:
    """Columns and rows of text under a title; the first column names the row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


def to_markdown(tables: Sequence[Table]) -> str:
    """Pipe tables with bold best values, one after the other."""
    return "\n".join(_markdown(table) for table in tables)


def to_latex(tables: Sequence[Table]) -> str:
    r"""Tabulars in the style of booktabs, bold best values; needs `\usepackage{booktabs}`."""
    return "\n".join(_latex(table) for table in tables)


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, in one line of a table."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def escape_latex(text: str) -> str:
    """Text that LaTeX shows as it is; characters that its Latin fonts lack become their code points."""
    apart = _LIGATURES.split(" ".join(unicodedata.normalize("NFC", text).split()))
    return "{}".join("".join(map(_latex_character, part)) for part in apart)


def latex_cell(cell: Cell) -> str:
    """A field of a tabular: bold where it is the best, its mark raised."""
    text = escape_latex(cell.text)
    # Marks take no room, so that numbers of a column stay below each other.
    raised = rf"\rlap{{\textsuperscript{{{escape_latex(cell.mark)}}}}}" if cell.mark else ""
    return (rf"\textbf{{{text}}}" if cell.bold else text) + raised


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words in one sentence.

    >>> listed(["a", "b", "c"], "or")
    'a, b or c'
    """
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def percent(share: float, digits: int = 1) -> str:
    """A share as a number of percent without its sign; a dash where there is none."""
    return NOTHING if _absent(share) else f"{100 * share:.{digits}f}".replace("-", "−")


def points(difference: float | None, digits: int = 1) -> str:
    """A difference of shares in percentage points, signed."""
    if _absent(difference):
        return NOTHING
    rounded = round(100 * _number(difference), digits) + 0.0  # turns -0.0 into 0.0
    return f"{rounded:+.{digits}f}".replace("-", "−")


def p_text(p: float | None) -> str:
    """A p-value to three digits; never rounded to zero."""
    if _absent(p):
        return NOTHING
    return "<.001" if _number(p) < 0.001 else f"{_number(p):.3f}".removeprefix("0")


def seconds_text(seconds: float) -> str:
    """A duration for people: `48 s`, `12.5 min`, `3.2 h`."""
    if _absent(seconds):
        return NOTHING
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _markdown(table: Table) -> str:
    def line(fields: Sequence[str]) -> str:
        return "| " + " | ".join(fields) + " |"

    body = [line([_markdown_cell(cell) for cell in row]) for row in table.rows]
    rule = line(["---", *["---:"] * (len(table.columns) - 1)])
    parts = [f"### {escape_markdown(table.title)}", "", line([escape_markdown(c) for c in table.columns])]
    note = ["", escape_markdown(table.note)] if table.note else []
    return "\n".join([*parts, rule, *body, *note, ""])


def _markdown_cell(cell: Cell) -> str:
    text = escape_markdown(cell.text)
    return (f"**{text}**" if cell.bold else text) + escape_markdown(cell.mark)


def _latex_character(character: str) -> str:
    if character in _LATEX:
        return _LATEX[character]
    return character if _LATIN.match(character) else rf"\texttt{{U+{ord(character):04X}}}"


def _latex(table: Table) -> str:
    def line(fields: Sequence[str]) -> str:
        return "  " + " & ".join(fields) + r" \\"

    body = [line([latex_cell(cell) for cell in row]) for row in table.rows]
    head = line([escape_latex(column) for column in table.columns])
    note = [f"% {' '.join(table.note.split())}"] if table.note else []
    return "\n".join(
        [
            f"% {' '.join(table.title.split())}",
            *note,
            rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}",
            r"  \toprule",
            head,
            r"  \midrule",
            *body,
            r"  \bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _absent(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _number(value: float | None) -> float:
    assert value is not None
    return float(value)
