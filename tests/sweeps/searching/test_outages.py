"""A store that is gone for a while costs a search nothing but time, whenever that is; and in one process."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from after_ray.store.outage import LIMIT_SECONDS
from after_ray.store.places import Folder
from sweeps.searching.book import Book
from sweeps.searching.results import write_candidates
from tests.faults.disk import Disk
from tests.sweeps.searching.loop import Loop, make_up_rounds, outage_without_pauses
from tests.sweeps.searching.toy import STUDY, book, opened
from trainables import trial

pytestmark = pytest.mark.ray  # Tune's searcher and schedulers are imported, no Ray is started

TEXT = STUDY.replace("candidates: 4", "candidates: 6\n  algorithm: random\n  reduction: 2")


class Gone(Disk):
    """A disk that refuses its n-th write and all later ones, until somebody has waited a few times."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch, write: int) -> None:
        super().__init__(root, patch)
        self.writes, self._write, self._left = 0, write, 3

    def _refuses(self, path: object) -> bool:
        if Path(str(path)).is_relative_to(self.root):
            self.writes += 1
            if self.writes == self._write:
                self.error = errno.ENOSPC
        return super()._refuses(path)

    def wait(self) -> None:
        self._left -= self.error != 0
        if self._left == 0:
            self.error = 0


def search(folder: Path, patch: pytest.MonkeyPatch, write: int = 0) -> tuple[Loop, int, str]:
    """A search whose store is gone at a write; how it went, how many writes it took, its table at the end."""
    make_up_rounds(patch)
    loop = Loop(book(folder, TEXT), folder / "cache", slots=1)
    disk = Gone(loop.book.store.root, patch, write)
    patch.setattr(trial, "Outage", outage_without_pauses(disk.wait))
    loop.sleep = disk.wait
    loop.run()
    assert disk.error == 0
    writes = disk.writes
    loop.book.look_again()
    return loop, writes, write_candidates(loop.book).read_text()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Loop, int, str]:
    with pytest.MonkeyPatch.context() as patch:
        loop, writes, table = search(tmp_path_factory.mktemp("undisturbed"), patch)
    counts = loop.book.counts()
    assert (counts["missing"], counts["failed"]) == (0, 0)
    assert counts["pruned"] > 0
    assert counts["finished"] > 0
    return loop, writes, table


@pytest.mark.parametrize("part", range(3))
def test_whenever_the_store_is_gone_the_search_ends_like_one_that_nothing_happened_to(
    undisturbed: tuple[Loop, int, str], tmp_path: Path, part: int
) -> None:
    whole, writes, table = undisturbed
    assert writes > 50
    for write in range(1 + part, writes + 1, 9):
        folder = tmp_path / str(write)
        folder.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            loop, _, found = search(folder, patch, write)
        assert found == table, f"the store was gone at write {write}"
        assert loop.told == whole.told, "each rung is told once"
        assert loop.trials == whole.trials, "nobody was tried again"
        assert loop.book.store.ledger.failures() == {}


def test_a_store_that_does_not_come_back_ends_the_search_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_up_rounds(monkeypatch)
    now = [0.0]
    loop = Loop(book(tmp_path, TEXT), tmp_path / "cache", slots=1, clock=lambda: now[0])
    disk = Disk(loop.book.store.root, monkeypatch)
    disk.error = errno.EROFS

    def wait() -> None:
        now[0] += 1

    loop.sleep = wait
    loop.run()
    assert now[0] == pytest.approx(LIMIT_SECONDS, abs=2)
    assert "cannot be used since 10 minutes (Read-only file system)" in str(loop.hands.unavailable)
    disk.error = 0
    assert Book.open(opened(tmp_path, TEXT)).counts()["missing"] == 6


def test_the_reading_of_a_store_that_is_gone_waits_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_up_rounds(monkeypatch)
    loop = Loop(book(tmp_path, TEXT), tmp_path / "cache")
    read, left = Folder.read, [3]

    def reading(place: Folder, name: str) -> bytes:
        if left[0] and name.startswith("ledger/"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), place.told(name))
        return read(place, name)

    def wait() -> None:
        left[0] = max(0, left[0] - 1)

    loop.sleep = wait
    monkeypatch.setattr(Folder, "read", reading)
    loop.run()
    assert left == [0]
    assert loop.book.counts()["missing"] == 0
