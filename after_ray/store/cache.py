"""Node-local copies of stage files: memory maps are opened only here, never on shared storage."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from after_ray.errors import DamagedStore
from after_ray.files import sha256_of
from after_ray.store.ledger import FileEntry, Record


class Source(Protocol):
    """Where files of finished stages are copied from: a store."""

    def fetch(self, record: Record, name: str, path: Path) -> None:
        """Copy one file to a path of this node."""

    def told(self, record: Record, name: str) -> str:
        """What a file is called, for people."""


class NodeCache:
    """A folder on the node's own disk, shared by its trials, least recently used copies evicted.

    A copy is named by its digest, made once under a file lock, checked, and never replaced in place. On
    POSIX an evicted file stays readable for whoever has it mapped.
    """

    def __init__(self, root: Path | str, limit_bytes: int = 50_000_000_000) -> None:
        self.root = Path(root)
        self.limit_bytes = limit_bytes

    def fetch(self, store: Source, record: Record, name: str, *, verified: bool = False) -> Path:
        """A local copy of one file of a finished stage, whose digest was checked when it was made.

        A copy of another size is made anew; with `verified` also one that has changed since.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        entry = record.files[name]
        target = self.root / f"{entry.sha256[:32]}{Path(name).suffix}"
        with FileLock(self.root / "cache.lock"):
            if not _stands(target, entry, verified=verified):
                self._copy(store, record, name, target)
            os.utime(target)
            self._evict(keep=target)
        return target

    def _copy(self, store: Source, record: Record, name: str, target: Path) -> None:
        for left in self.root.glob("*.tmp"):  # of killed copies: who holds the lock copies alone
            left.unlink()
        temporary = target.with_suffix(".tmp")
        try:
            store.fetch(record, name, temporary)
            if sha256_of(temporary) != record.files[name].sha256:
                raise DamagedStore(store.told(record, name), "its digest differs from its record")
            with temporary.open("rb") as file:
                os.fsync(file.fileno())  # else a node that dies keeps the name and loses the bytes
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)

    def _evict(self, keep: Path) -> None:
        """Remove least recently used copies over the limit; those touched in the last minute stay."""
        ours = (
            path for path in self.root.iterdir() if path.is_file()
        )  # a bucket's node folder may lie here too
        files = [path for path in ours if path.suffix not in {".lock", ".tmp"}]
        total = sum(path.stat().st_size for path in files)
        for path in sorted(files, key=lambda p: p.stat().st_mtime):
            if total <= self.limit_bytes or time.time() - path.stat().st_mtime < 60:
                return
            if path != keep:
                total -= path.stat().st_size
                path.unlink()


def _stands(copy: Path, entry: FileEntry, *, verified: bool) -> bool:
    if not copy.is_file() or copy.stat().st_size != entry.bytes:
        return False
    return not verified or sha256_of(copy) == entry.sha256
