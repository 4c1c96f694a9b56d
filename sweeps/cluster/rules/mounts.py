"""Files of this machine that go to the others: Ray starts the head before it notices that one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sweeps.cluster.model import Cluster, Finding, mapping


def check(cluster: Cluster) -> Iterator[Finding]:
    """The sources of `file_mounts`, and the key."""
    mounts = cluster.values.get("file_mounts")
    for target, source in mapping(mounts).items():
        if not Path(str(source)).expanduser().exists():
            made = "; 'ray get-auth-token --generate' makes it" if "auth_token" in str(source) else ""
            yield Finding(f"file_mounts takes {source}, which is not here{made}", _line(cluster, target))
    auth = cluster.values.get("auth")
    key = mapping(auth).get("ssh_private_key")
    if isinstance(key, str) and not Path(key).expanduser().exists():
        yield Finding(f"the key {key} is not here", cluster.line("auth", "ssh_private_key"))


def _line(cluster: Cluster, target: object) -> int | None:
    return cluster.line("file_mounts", str(target))
