"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` under a temporary name beside `path`, then replace `path` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_atomic(path, text.encode())


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write UTF-8 lines atomically, one at a time: a million of them need no text of all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON atomically; NaN and infinities are refused because JSON has none."""
    write_atomic(path, as_json(value))


def as_json(value: Any) -> bytes:
    """Readable JSON; NaN and infinities are refused because JSON has none."""
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def take_room(path: Path, size: int) -> None:
    """Let a file that exists take `size` bytes of its disk.

    Raises:
        OSError: when they are not there.
    """
    with open(path, "r+b", buffering=0) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            for begin in range(0, size, 1 << 20):
                file.write(bytes(min(1 << 20, size - begin)))


def create_exclusive(path: Path, data: bytes) -> bool:
    """Create `path` with `data` unless it exists; True when this call created it.

    A temporary file is linked to its final name, which is atomic on local disks and on NFS.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def temporary_beside(path: Path) -> Path:
    """A name in the same folder that nobody else uses."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
