"""A table as a paper prints it: heads that span columns, groups of rows; and its text forms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from analysis._rendering import Cell, Table, escape_latex, latex_cell

Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Head:
    """A heading over `span` columns."""

    text: str
    span: int = 1


@dataclass(frozen=True)
class Group:
    """Rows between two rules, under a title of their own where it is not empty."""

    rows: tuple[Row, ...]
    title: str = ""


@dataclass(frozen=True)
class PaperTable:
    """One table of the paper, filled from a study.

    Attributes:
        name: of its files, such as `table3`; `table4_2` is the second of two.
        caption: what it shows, a sentence.
        heads: lines of headings, each as wide as the table.
        groups: the rows, their first cell naming them.
        notes: sentences on what marks mean and on what is missing.
        long: one line per number, with intervals and p-values, for CSV.
    """

    name: str
    caption: str
    heads: tuple[tuple[Head, ...], ...]
    groups: tuple[Group, ...]
    notes: tuple[str, ...]
    long: pd.DataFrame

    @property
    def number(self) -> str:
        """As the paper numbers it: 3, or 4a and 4b where it is there twice."""
        number, _, part = self.name.removeprefix("table").partition("_")
        return number + (chr(ord("a") + int(part) - 1) if part else "")

    @property
    def width(self) -> int:
        """How many columns it has."""
        return sum(head.span for head in self.heads[-1])

    def flat(self) -> Table:
        """The same with one line of headings, for a page and for Markdown.

        Titles of groups stand in the names of their rows, which a page may sort.
        """
        rows = tuple(_titled(group.title, row) for group in self.groups for row in group.rows)
        columns = tuple(
            " ".join(filter(None, parts)) for parts in zip(*map(_spread, self.heads), strict=True)
        )
        return Table(self.caption, columns, rows, " ".join(self.notes))


def to_tabular(table: PaperTable) -> str:
    r"""A tabular in the style of booktabs; needs `\usepackage{booktabs}`. Caption and notes are comments."""
    comments = [f"% {' '.join(text.split())}" for text in (table.caption, *table.notes)]
    body: list[str] = []
    for group in table.groups:
        body.append(r"  \midrule")
        if group.title:
            body.append(
                _line([rf"\multicolumn{{{table.width}}}{{l}}{{\textit{{{escape_latex(group.title)}}}}}"])
            )
        body += [_line([latex_cell(cell) for cell in row]) for row in group.rows]
    heads = [line for head in table.heads for line in _head(head, last=head is table.heads[-1])]
    opening = rf"\begin{{tabular}}{{l{'r' * (table.width - 1)}}}"
    return "\n".join(
        [*comments, opening, r"  \toprule", *heads, *body, r"  \bottomrule", r"\end{tabular}", ""]
    )


def _titled(title: str, row: Row) -> Row:
    """A row whose name says its group."""
    return (replace(row[0], text=f"{title}: {row[0].text}"), *row[1:]) if title else row


def _spread(heads: Sequence[Head]) -> list[str]:
    """The heading of every column."""
    return [head.text for head in heads for _ in range(head.span)]


def _head(heads: Sequence[Head], last: bool) -> Iterator[str]:
    """A line of headings, and the short rules below those that span columns."""
    yield _line([_heading(head) for head in heads])
    if last:
        return
    begin = 1
    rules = []
    for head in heads:
        end = begin + head.span - 1
        if head.text:
            rules.append(rf"\cmidrule(lr){{{begin}-{end}}}")
        begin = end + 1
    if rules:
        yield "  " + " ".join(rules)


def _heading(head: Head) -> str:
    text = escape_latex(head.text)
    return text if head.span == 1 else rf"\multicolumn{{{head.span}}}{{c}}{{{text}}}"


def _line(fields: Sequence[str]) -> str:
    return "  " + " & ".join(fields) + r" \\"
