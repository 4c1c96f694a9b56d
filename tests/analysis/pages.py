"""Reading a report's page as a person does, for tests."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path


class _Text(HTMLParser):
    """The text of a page, and whether its tags close in order."""

    VOID = frozenset({"meta", "br", "path", "use", "rect", "line", "link"})
    SILENT = frozenset({"style", "script"})

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.SILENT.intersection(self.open):
            self.words.append(data)


def text_of(page: Path) -> str:
    """The words of a page in one line; its tags must close in order."""
    parser = _Text()
    parser.feed(page.read_text())
    assert parser.open == []
    return " ".join(" ".join(parser.words).split())
