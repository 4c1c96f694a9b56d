"""Every sentence that docs/troubleshooting.md quotes is one that the system says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import REPOSITORY, Page

PAGE = Page("docs/troubleshooting.md")
ROOMS = ("after_ray", "trainables", "sweeps", "analysis")
GAP = "\0"  # in the place of what differs from case to case
QUOTES = re.findall(r"“([^”]*)”", PAGE.text)


@cache
def sentences() -> tuple[str, ...]:
    """All text of the sources, each f-string as one text with gaps; what tests and make say too."""
    paths = [path for room in ROOMS for path in (REPOSITORY / room).rglob("*.py")]
    trees = [ast.parse(path.read_text()) for path in (*paths, REPOSITORY / "tests" / "conftest.py")]
    shell = (REPOSITORY / "Makefile").read_text()
    told = tuple(text for tree in trees for text in texts(tree))
    pages = tuple(path.read_text() for path in (REPOSITORY / "analysis" / "report" / "templates").iterdir())
    return (*told, shell, *pages, *SYSTEM)


SYSTEM = (
    f"{GAP}cannot be used (No space left on device); {GAP}",
)  # an f-string whose middle the system fills


def texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{\w*\}", GAP, node.value)


def is_said(quote: str) -> bool:
    """Whether one text has the fixed parts of a quote, in their order."""
    parts = [part.strip() for part in quote.split("…") if part.strip()]
    pattern = re.compile(".*".join(map(re.escape, parts)), re.DOTALL)
    return any(pattern.search(text) for text in sentences())


@pytest.mark.parametrize("quote", QUOTES)
def test_a_quoted_sentence_is_said_somewhere(quote: str) -> None:
    assert is_said(quote)


def test_a_sentence_that_nobody_says_is_noticed() -> None:
    assert not is_said("Corpus '…' was not found in …; expected …, mostly")
    assert not is_said("expected … was not found in"), "parts in another order"


def test_the_system_does_say_that_a_disk_is_full(tmp_path: Path) -> None:
    """The one sentence that is put together while it is said."""
    import errno

    from sweeps.commands._options import _file_error

    said = _file_error(OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x")), str(tmp_path))
    assert "cannot be used (No space left on device); free room" in said


def test_every_symptom_has_its_quotes() -> None:
    """No section is prose alone, and nothing is quoted twice."""
    assert len(QUOTES) > 50
    assert len(set(QUOTES)) == len(QUOTES)
