"""What a store asks of the place it lies in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

One = TypeVar("One")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Found:
    """A file: its name in the place, how large, when it was last written to (seconds since the epoch)."""

    name: str
    bytes: int
    written: float


class Place(ABC):
    """Files under names like `ledger/ab/abcd.json`, shared by all who use the store.

    Nobody ever sees half of a file. All errors are `OSError`s that carry the file's whole name, with the
    numbers that a file system gives (`FileNotFoundError` where there is no such file, EACCES where it is
    refused, EIO where the place does not answer), so that an outage is told and waited for alike everywhere.
    """

    @property
    @abstractmethod
    def url(self) -> str:
        """What the place is called, for people and for other processes: an absolute path, or scheme://..."""

    @property
    @abstractmethod
    def local(self) -> Path:
        """A folder of this node for what others need not see: the place itself where that is a folder."""

    @property
    def on_disk(self) -> bool:
        """Whether its files are files of this node, which may be opened where they are."""
        return False

    def told(self, name: str) -> str:
        """What a file is called, for people."""
        return f"{self.url}/{name}"

    @abstractmethod
    def below(self, folder: str) -> Place:
        """The place that a folder of this one is."""

    @abstractmethod
    def create(self, name: str, data: bytes) -> bool:
        """Write a file unless there is one; True when this call wrote it.

        Of many callers one succeeds, as long as each has bytes of its own: a bucket cannot tell a caller
        whose answer was lost from another one with the same bytes.
        """

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write a file, or replace it in one step."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The bytes of a file."""

    @abstractmethod
    def send(self, path: Path, name: str) -> None:
        """Copy a local file into the place."""

    @abstractmethod
    def fetch(self, name: str, path: Path) -> None:
        """Copy a file of the place to a local one, which may be half written where this fails."""

    @abstractmethod
    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""

    @abstractmethod
    def sha256(self, name: str) -> str:
        """The digest of a file's bytes, as hex."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    @abstractmethod
    def remove_folder(self, folder: str) -> None:
        """Remove all files below a folder."""

    @abstractmethod
    def take_away(self, name: str, aside: str) -> bool:
        """Give a file another name; False where it is not there.

        In a folder of several callers one succeeds. A bucket cannot promise that: what stands there a moment
        later may go too, and its stage is then computed once more.
        """

    @abstractmethod
    def files(self, folder: str = "") -> Iterator[Found]:
        """Every file below a folder, in no order; what vanishes meanwhile is left out."""

    def ask_each(self, ask: Callable[[One], Answer], things: Iterable[One]) -> Iterator[Answer]:
        """The answers for all things, in their order; of a place that is slow to answer, many at once."""
        return map(ask, things)

    def sizes(self, folder: str, names: Collection[str]) -> dict[str, int]:
        """Bytes of those of these files below a folder that are there."""
        found = zip(names, self.ask_each(self.size, names), strict=True)
        return {name: size for name, size in found if size is not None}

    def names(self, folder: str) -> Iterator[str]:
        """Names of all files below a folder, in no order."""
        return (found.name for found in self.files(folder))

    def json_files(self, folder: str) -> list[str]:
        """Names of the whole JSON files below a folder, sorted."""
        return sorted(name for name in self.names(folder) if name.endswith(".json") and "/." not in name)

    @abstractmethod
    def folders(self, folder: str) -> list[str]:
        """Names of the folders directly in a folder, sorted; none where there is no such folder."""

    @abstractmethod
    def probe(self, room: int = 0) -> None:
        """Create and remove a file of `room` bytes, as every record will be.

        Raises:
            OSError: when the place cannot be written to or has no such room.
            UnfitPlace: when it does not create files exclusively.
        """
