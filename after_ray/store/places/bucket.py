"""A bucket of S3 or Google Cloud Storage, or of a server that speaks either's language."""

from __future__ import annotations

import errno
import getpass
import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from after_ray.store.places._place import Answer, Found, One, Place
from after_ray.store.places.errors import UnfitPlace

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

# Where a machine's own role is asked for, after every other place that holds credentials.
ASKED_FOR_CREDENTIALS = ("169.254.169.254", "metadata.google.internal", "token request")
NO_CREDENTIALS = (
    "no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or install boto3 and run "
    "'aws configure'), for gs:// GOOGLE_APPLICATION_CREDENTIALS, or give this machine a role"
)
REQUESTS_AT_ONCE = 16
LISTED_AT_ONCE = 1000  # as many as one answer names
PIECE = 8 << 20  # bytes
# Of one request: the work itself waits out a longer outage (`after_ray.store.outage`) and says so.
RETRIES: RetryConfig = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
SILENCE, WHOLE = 20, 600  # seconds: a server that hangs is told like one that is gone
# Plain http is for servers that a user names as http://..., the providers' own addresses are https.
CLIENT: ClientConfig = {
    "connect_timeout": f"{SILENCE}s",
    "read_timeout": f"{SILENCE}s",
    "timeout": f"{WHOLE}s",
    "allow_http": True,
}


class Bucket(Place):
    """Objects are created with the condition that there is none: `If-None-Match: *`, or generation 0.

    Credentials and regions are those of the environment, then of `aws configure` (where boto3 is
    installed), then of the machine's role.

    Args:
        url: scheme://bucket/prefix.
        objects: what holds the objects; found by the address when it is left out.
    """

    def __init__(self, url: str, objects: ObjectStore | None = None, prefix: str = "") -> None:
        self._root = url.rstrip("/")
        self._prefix = prefix
        self._given = objects

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"{self._root}/{self._prefix}".rstrip("/")

    @cached_property
    def local(self) -> Path:
        """A folder of this user on this node, of its own for each address."""
        name = hashlib.sha256(self._root.encode()).hexdigest()[:16]
        here = Path(os.environ.get("AFTER_RAY_CACHE") or Path(tempfile.gettempdir()) / _of_user())
        return here / "stores" / name / self._prefix

    @cached_property
    def _objects(self) -> ObjectStore:
        if self._given is not None:
            return self._given
        from obstore.store import from_url

        with _told(self.url):
            of_profile = _profile() if self._root.startswith("s3://") else {}
            return from_url(self._root, client_options=CLIENT, retry_config=RETRIES, **of_profile)

    def below(self, folder: str) -> Bucket:
        """Objects whose names begin so."""
        return Bucket(self._root, self._objects, self._key(folder))

    def create(self, name: str, data: bytes) -> bool:
        """Put it unless it is there; one's own put whose answer was lost is known by its bytes."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with _told(self.told(name)):
            try:
                obstore.put(self._objects, self._key(name), data, mode="create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return self._holds(name, data)
        return True

    def _holds(self, name: str, data: bytes) -> bool:
        try:
            return self.read(name) == data
        except FileNotFoundError:  # it was removed just now
            return False

    def write(self, name: str, data: bytes) -> None:
        """Put it."""
        import obstore

        with _told(self.told(name)):
            obstore.put(self._objects, self._key(name), data)

    def read(self, name: str) -> bytes:
        """Get it whole."""
        import obstore

        with _told(self.told(name)):
            return obstore.get(self._objects, self._key(name)).bytes().to_bytes()

    def send(self, path: Path, name: str) -> None:
        """Put it, a large one in parts, which become one object at the end."""
        import obstore

        with _told(self.told(name)):
            obstore.put(self._objects, self._key(name), path)

    def fetch(self, name: str, path: Path) -> None:
        """Get it piece by piece."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for piece in self._pieces(name):
                file.write(piece)

    def sha256(self, name: str) -> str:
        """Get it piece by piece."""
        digest = hashlib.sha256()
        for piece in self._pieces(name):
            digest.update(piece)
        return digest.hexdigest()

    def _pieces(self, name: str) -> Iterator[bytes]:
        import obstore

        with _told(self.told(name)):
            yield from map(bytes, obstore.get(self._objects, self._key(name)).stream(min_chunk_size=PIECE))

    def size(self, name: str) -> int | None:
        """Ask for its head."""
        import obstore

        try:
            with _told(self.told(name)):
                return int(obstore.head(self._objects, self._key(name))["size"])
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Delete it."""
        import obstore

        try:
            with _told(self.told(name)):
                obstore.delete(self._objects, self._key(name))
        except FileNotFoundError:
            return

    def remove_folder(self, folder: str) -> None:
        """Delete what is there, many at a time."""
        import obstore

        with _told(self.told(folder)):
            for batch in obstore.list(self._objects, self._key(folder), chunk_size=LISTED_AT_ONCE):
                paths = [found["path"] for found in batch]
                try:
                    obstore.delete(self._objects, paths)
                except FileNotFoundError:  # another process removes them as well; one of them ends a batch
                    for path in paths:
                        with suppress(FileNotFoundError):
                            obstore.delete(self._objects, path)

    def take_away(self, name: str, aside: str) -> bool:
        """Copy it, then delete it."""
        import obstore

        try:
            with _told(self.told(name)):
                obstore.copy(self._objects, self._key(name), self._key(aside))
                obstore.delete(self._objects, self._key(name))
        except FileNotFoundError:
            return False
        return True

    def ask_each(self, ask: Callable[[One], Answer], things: Iterable[One]) -> Iterator[Answer]:
        """By some threads: one answer takes as long as the reading of a hundred files."""
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            yield from pool.map(ask, things)

    def sizes(self, folder: str, names: Collection[str]) -> dict[str, int]:
        """Of many, list all that is in the folder: one answer tells the sizes of a thousand."""
        if len(names) <= REQUESTS_AT_ONCE:
            return super().sizes(folder, names)
        wanted = set(names)
        return {found.name: found.bytes for found in self.files(folder) if found.name in wanted}

    def files(self, folder: str = "") -> Iterator[Found]:
        """List, a thousand at a time."""
        import obstore

        begin = len(self._prefix) + 1 if self._prefix else 0
        with _told(self.told(folder)):
            for batch in obstore.list(self._objects, self._key(folder) or None, chunk_size=LISTED_AT_ONCE):
                for found in batch:
                    yield Found(found["path"][begin:], found["size"], found["last_modified"].timestamp())

    def folders(self, folder: str) -> list[str]:
        """Beginnings of names that go on after a slash."""
        import obstore

        with _told(self.told(folder)):
            listed = obstore.list_with_delimiter(self._objects, self._key(folder) or None)
        return sorted(prefix.rstrip("/").rpartition("/")[2] for prefix in listed["common_prefixes"])

    def probe(self, room: int = 0) -> None:
        """Create an object twice: servers that do not know the condition would replace it without a word."""
        name = f".probe-{secrets.token_hex(4)}"
        try:
            self.create(name, b"first")
        except FileNotFoundError as error:
            raise UnfitPlace(self.url, "there is no such bucket") from error
        try:
            if self.create(name, b"second"):
                raise UnfitPlace(self.url, "its server lets a second object replace the first")
        finally:
            self.remove(name)

    def _key(self, name: str) -> str:
        return "/".join(filter(None, (self._prefix, name)))


def _profile() -> dict[str, Any]:
    """How keys are found that `aws configure` wrote; nothing where it did not, or boto3 is missing."""
    asked = "AWS_ACCESS_KEY_ID" not in os.environ
    written = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")).expanduser()
    if not (asked and ("AWS_PROFILE" in os.environ or written.is_file())):
        return {}
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        return {}
    return {"credential_provider": Boto3CredentialProvider()}


def _of_user() -> str:
    return f"after-ray-{getpass.getuser()}"


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What a bucket answers, as the error that a file system would give."""
    from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError

    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name) from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise PermissionError(errno.EACCES, _first_line(error), name) from error
    except NotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, _first_line(error), name) from error
    except BaseError as error:
        if any(asked in str(error) for asked in ASKED_FOR_CREDENTIALS):
            raise PermissionError(errno.EACCES, NO_CREDENTIALS, name) from error
        raise OSError(errno.EIO, _why_no_answer(error), name) from error


def _why_no_answer(error: Exception) -> str:
    """In words, by the kind of error that the client writes below its first line; that line for any other."""
    if "kind: Timeout" in str(error):
        return f"the bucket did not answer within {SILENCE} seconds, or not in full within {WHOLE}"
    if "kind: Connect" in str(error):
        return "the bucket's server cannot be reached"
    return _first_line(error)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
