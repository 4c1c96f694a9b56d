"""A folder: on this machine's disk, or on one that nodes share."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from after_ray.files import create_exclusive, sha256_of, take_room, temporary_beside, write_atomic
from after_ray.store.places._place import Found, Place
from after_ray.store.places.errors import UnfitPlace
from after_ray.store.places.file_systems import file_system_of, why_unfit

NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class Folder(Place):
    """Files are created by a temporary file and a link, which is atomic on local disks and on NFS."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @property
    def url(self) -> str:
        """The folder's path, as it was given."""
        return str(self.path)

    @property
    def local(self) -> Path:
        """The folder itself."""
        return self.path

    @property
    def on_disk(self) -> bool:
        """They are."""
        return True

    def below(self, folder: str) -> Folder:
        """A folder in this one."""
        return Folder(self.path / folder)

    def create(self, name: str, data: bytes) -> bool:
        """Link a temporary file to the name."""
        return create_exclusive(self.path / name, data)

    def write(self, name: str, data: bytes) -> None:
        """Replace by a temporary file."""
        write_atomic(self.path / name, data)

    def read(self, name: str) -> bytes:
        """Read it whole."""
        with open(f"{self.path}/{name}", "rb", buffering=0) as file:
            return file.read()

    def send(self, path: Path, name: str) -> None:
        """Copy it under a temporary name first."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(target)
        try:
            shutil.copyfile(path, temporary)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)

    def fetch(self, name: str, path: Path) -> None:
        """Copy it."""
        shutil.copyfile(self.path / name, path)

    def size(self, name: str) -> int | None:
        """Ask the file system."""
        try:
            return os.stat(f"{self.path}/{name}").st_size
        except FileNotFoundError:
            return None

    def sha256(self, name: str) -> str:
        """Read it block by block."""
        return sha256_of(self.path / name)

    def remove(self, name: str) -> None:
        """Unlink it."""
        (self.path / name).unlink(missing_ok=True)

    def remove_folder(self, folder: str) -> None:
        """Remove the folder; what cannot be removed stays."""
        shutil.rmtree(self.path / folder, ignore_errors=True)

    def take_away(self, name: str, aside: str) -> bool:
        """Rename it."""
        try:
            os.replace(self.path / name, self.path / aside)
        except FileNotFoundError:
            return False
        return True

    def files(self, folder: str = "") -> Iterator[Found]:
        """Walk; links are not followed."""
        for where, _, names in os.walk(self.path / folder):
            for name in names:
                path = Path(where, name)
                with suppress(FileNotFoundError):
                    told = path.lstat()
                    yield Found(path.relative_to(self.path).as_posix(), told.st_size, told.st_mtime)

    def names(self, folder: str) -> Iterator[str]:
        """Walk without asking for each file's size."""
        for where, _, names in os.walk(self.path / folder):
            yield from (f"{os.path.relpath(where, self.path)}/{name}" for name in names)

    def folders(self, folder: str) -> list[str]:
        """List; links are not followed."""
        try:
            with os.scandir(self.path / folder) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return []

    def probe(self, room: int = 0) -> None:
        """Ask which file system it is on, link a file twice and let it take the room."""
        reason = why_unfit(file_system_of(self.path))
        if reason is not None:
            raise UnfitPlace(self.url, reason)
        path = self.path / f".probe-{secrets.token_hex(4)}"
        try:
            self._link_twice(path)
            if room > 0:
                take_room(path, room)
        finally:
            path.unlink(missing_ok=True)

    def _link_twice(self, path: Path) -> None:
        kind = file_system_of(self.path) or "unknown"
        try:
            create_exclusive(path, b"")
        except OSError as error:
            # Of a link both names are told; where the folder is read-only, not even the first is written.
            if error.filename2 is None or error.errno not in NO_LINKS:
                raise
            raise UnfitPlace(self.url, f"its file system ({kind}) has no hard links") from error
        if create_exclusive(path, b""):
            raise UnfitPlace(self.url, f"its file system ({kind}) lets a second file replace the first")
