"""Errors about places."""

from __future__ import annotations

from after_ray.errors import AfterRayError


class UnfitPlace(AfterRayError):
    """A place that cannot hold a store, because two processes might both believe that they wrote a record."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"A store cannot lie at {url}: {reason}; allowed: a folder on a local disk (ext4, xfs, btrfs, "
            "zfs) or on a file system that nodes share (NFS, Lustre, BeeGFS, GPFS, Ceph), "
            "s3://bucket/prefix (S3, or a server with conditional writes), gs://bucket/prefix."
        )
