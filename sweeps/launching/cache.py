"""The folder on a node's own disk for memory maps."""

from __future__ import annotations

import secrets

from after_ray.errors import AfterRayError
from after_ray.files import create_exclusive
from sweeps.launching.ray_start import Where


class UnusableCache(AfterRayError):
    """A folder for memory maps that cannot be written to."""

    def __init__(self, where: Where, problem: str) -> None:
        super().__init__(
            f"--cache-dir {where.cache} cannot be used ({problem}); name a folder on this machine's own disk "
            "that you may write to, or leave it out."
        )


def refuse_no_cache(where: Where) -> None:
    """Refuse a folder that no trial could use, where it is this machine's; those of a cluster see their own.

    Raises:
        UnusableCache: when no file can be made there.
    """
    if where.cache is None or where.address is not None:
        return
    probe = where.cache / f".probe-{secrets.token_hex(4)}"  # several launches may look at once
    try:
        create_exclusive(probe, b"")
        probe.unlink()
    except (FileExistsError, NotADirectoryError) as error:
        raise UnusableCache(where, "there is a file of that name, or on the way to it") from error
    except OSError as error:
        raise UnusableCache(where, error.strerror or str(error)) from error
