"""From what a user names to a place."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from after_ray.store.places._place import Place
from after_ray.store.places.errors import UnfitPlace
from after_ray.store.places.folder import Folder

SCHEMES = ("s3", "gs")


def is_bucket(named: str | os.PathLike[str]) -> bool:
    """Whether this names a bucket, or something else with a scheme, and no folder."""
    return "://" in os.fspath(named)


def place_of(named: Path | str) -> Place:
    """The place that a path or an address names; nothing is asked of it yet.

    Raises:
        UnfitPlace: when it has a scheme that is not one of `SCHEMES`, names no bucket, or is half an address.
    """
    text = os.fspath(named)
    if not text:
        raise UnfitPlace("''", "it names nothing")
    if not is_bucket(text):
        if (meant := text.partition(":")[0]) in SCHEMES and ":" in text:
            raise UnfitPlace(text, f"the address of a bucket begins with {meant}://")
        return Folder(text)
    scheme, _, rest = text.partition("://")
    if scheme not in SCHEMES:
        raise UnfitPlace(text, f"'{scheme}://' is not known")
    if not rest.partition("/")[0]:
        raise UnfitPlace(text, "it names no bucket")
    return _bucket(text)


def file_of(address: str) -> tuple[Place, str]:
    """The place of a file's folder, and the file's name in it."""
    folder, _, name = address.rpartition("/")
    return place_of(folder), name


@lru_cache(maxsize=8)
def _bucket(url: str) -> Place:
    """One for all who name it: it keeps its connections."""
    from after_ray.store.places.bucket import Bucket

    return Bucket(url)
