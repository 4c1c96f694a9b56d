"""Files are written whole or not at all, whichever function writes them and whatever stops it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from after_ray.files import write_json, write_lines, write_text

WRITERS: dict[str, Callable[[Path], None]] = {
    "text": lambda path: write_text(path, "new\n"),
    "lines": lambda path: write_lines(path, ["new"]),
    "json": lambda path: write_json(path, {"new": 1}),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that stands already."""
    file = tmp_path / "folder" / "file.txt"
    file.parent.mkdir()
    file.write_text("old\n")
    return file


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_lines_that_fail_half_way_leave_the_old_file_and_nothing_else(path: Path) -> None:
    def lines() -> Iterator[str]:
        yield from ("x" * 1000 for _ in range(100))  # more than a buffer holds
        raise ValueError("no more lines")

    with pytest.raises(ValueError, match="no more lines"):
        write_lines(path, lines())
    assert contents(path.parent) == {"file.txt": "old\n"}


def test_the_old_file_stands_while_lines_are_written(path: Path) -> None:
    seen: list[str] = []

    def lines() -> Iterator[str]:
        for _ in range(100):
            seen.append(path.read_text())
            yield "x" * 1000

    write_lines(path, lines())
    assert seen == ["old\n"] * 100
    assert contents(path.parent) == {"file.txt": ("x" * 1000 + "\n") * 100}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_disk_that_fails_leaves_the_old_file_and_nothing_else(
    writer: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left on device"):
        WRITERS[writer](path)
    assert contents(path.parent) == {"file.txt": "old\n"}


@pytest.mark.parametrize(
    ("writer", "written"), [("text", "new\n"), ("lines", "new\n"), ("json", '{\n "new": 1\n}\n')]
)
def test_a_file_is_replaced_and_folders_are_made(
    writer: str, written: str, path: Path, tmp_path: Path
) -> None:
    below = tmp_path / "not" / "there" / "file.txt"
    for target in (path, below):
        WRITERS[writer](target)
        assert contents(target.parent) == {"file.txt": written}


def test_lines_end_alike_on_every_system_and_are_utf_8(path: Path) -> None:
    write_lines(path, ["ärger", "", "ja"])
    assert path.read_bytes() == "ärger\n\nja\n".encode()


def test_numbers_that_json_has_not_are_refused_and_nothing_is_written(path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"loss": float("nan")})
    assert contents(path.parent) == {"file.txt": "old\n"}
