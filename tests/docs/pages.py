"""What the pages of the documentation hold: their fenced blocks, and the commands in these."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^ *```[ \t]*$", re.MULTILINE | re.DOTALL
)
FILE_NAME = re.compile(r"#\s*(?P<name>[\w.-]+\.(?:py|yaml|csv))\s*")
INLINE = re.compile(r"(?<!`)`(?P<text>[^`\n]+)`(?!`)")
SHELL = ("sh", "bash", "console")
LANGUAGES = (*SHELL, "yaml", "python", "json", "csv", "text")  # text: nothing that could be tried


@dataclass(frozen=True)
class Block:
    """A fenced block. `line`: of its first line in the page, from 1."""

    page: str
    line: int
    info: str
    text: str

    @property
    def language(self) -> str:
        """The first word behind the fence."""
        return self.info.split()[0] if self.info.split() else ""

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.page}:{self.line}"

    @property
    def file_name(self) -> str | None:
        """The file that the block is: the second word behind the fence, or its first line, `# mine.py`."""
        words = self.info.split()
        if len(words) > 1:
            return words[1]
        found = FILE_NAME.fullmatch(self.text.partition("\n")[0])
        return found["name"] if found else None

    def commands(self) -> tuple[Command, ...]:
        """Lines of a shell block, joined where they end with a backslash, without comments."""
        found, begun, first = [], "", 0
        for number, line in enumerate(self.text.splitlines()):
            if not begun and (not line.strip() or line.lstrip().startswith("#")):
                continue
            first = first if begun else number
            begun += line.strip().removeprefix("$ ")
            if begun.endswith("\\"):
                begun = begun[:-1]
                continue
            found.append(Command(self.page, self.line + first, without_comment(begun)))
            begun = ""
        assert not begun, f"{self.place}: the last line goes on"
        return tuple(found)


@dataclass(frozen=True)
class Command:
    """One command of a page."""

    page: str
    line: int
    text: str

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.page}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Page:
    """One page, by its path in the repository."""

    name: str

    @cached_property
    def text(self) -> str:
        """All of it."""
        return (REPOSITORY / self.name).read_text()

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Its fenced blocks, in order, without their indentation."""
        return tuple(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        for found in FENCE.finditer(self.text):
            line = self.text.count("\n", 0, found.start()) + 2
            indent = len(found["indent"])
            text = "".join(one[indent:] if one.strip() else one for one in found["text"].splitlines(True))
            yield Block(self.name, line, found["info"].strip(), text)

    @property
    def commands(self) -> tuple[Command, ...]:
        """Those of its shell blocks."""
        return tuple(one for block in self.blocks if block.language in SHELL for one in block.commands())

    @property
    def inline(self) -> tuple[str, ...]:
        """What stands in single backticks outside of blocks."""
        return tuple(found["text"] for found in INLINE.finditer(FENCE.sub("", self.text)))


def without_comment(line: str) -> str:
    """A command line without what follows a `#` that stands outside of quotes and begins a word."""
    quote = ""
    for place, sign in enumerate(line):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign == "#" and (place == 0 or line[place - 1].isspace()):
            return line[:place].rstrip()
    return line.strip()


def pages() -> tuple[Page, ...]:
    """README and everything below `docs`."""
    found = sorted(path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "docs").rglob("*.md"))
    return tuple(Page(name) for name in ("README.md", *found))
