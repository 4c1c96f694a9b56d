"""Where results go: a place that all nodes share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from after_ray.store.places import SCHEMES, is_bucket
from sweeps.cluster.model import Cluster, Finding, Node

VARIABLE = "AFTER_RAY_STORE"
CACHE = "AFTER_RAY_CACHE"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
# Folders that are on a machine's own disk whatever is mounted elsewhere.
OWN = ("/tmp", "/var/tmp", "/root", "/home", "/dev/shm")


def check(cluster: Cluster) -> Iterator[Finding]:
    """The store of every node, and that it is one."""
    stores = {node.name: node.environment.get(VARIABLE) for node in cluster.nodes}
    named = {store for store in stores.values() if store}
    if len(named) > 1:
        yield Finding(
            f"nodes have different stores ({', '.join(sorted(named))}); set {VARIABLE} alike everywhere"
        )
    for node in cluster.nodes:
        store = stores[node.name]
        line = _line(cluster, node, store)
        if not store:
            yield Finding(
                f"'{node.name}' has no {VARIABLE}: set it to a folder that all machines share, "
                "s3://bucket/prefix or gs://bucket/prefix",
                line,
            )
        elif (cache := node.environment.get(CACHE)) and _is_shared(cache, store, node):
            yield Finding(
                f"the cache {cache} of '{node.name}' lies on shared storage, and memory maps are read there; "
                f"set {CACHE} to a folder on the machine's own disk",
                _line(cluster, node, cache, CACHE),
            )
        if store and (problem := _problem(store, node, cluster)) is not None:
            sentence, warning = problem
            yield Finding(f"the store {store} {sentence}", line, warning)


def _problem(store: str, node: Node, cluster: Cluster) -> tuple[str, bool] | None:
    if is_bucket(store):
        scheme = store.partition("://")[0]
        known = ", ".join(f"{one}://" for one in SCHEMES)
        if scheme not in SCHEMES:
            return f"has a scheme that is not known; allowed: {known}", False
        bucket = store.partition("://")[2].partition("/")[0]
        if bucket != "YOUR_BUCKET" and not _BUCKET.fullmatch(bucket):
            return "names no bucket: 3 to 63 lower-case letters, digits, points and hyphens", False
        return None
    path = PurePosixPath(store)
    if not path.is_absolute():
        return "is a relative path, which every process takes for another folder; name an absolute one", False
    if not cluster.has_several or any(path.is_relative_to(folder) for folder in node.shared):
        return None
    if any(path.is_relative_to(folder) for folder in OWN):
        return (
            "is on each machine's own disk, so nodes would not see each other's results; name a shared one",
            False,
        )
    if cluster.starter == "kuberay" or cluster.provider != "local":
        return (
            "is mounted by nothing in this file, so each node would have its own; mount it, or use a bucket",
            False,
        )
    return "must be on storage that all machines share (NFS); nothing in this file says whether it is", True


def _is_shared(cache: str, store: str, node: Node) -> bool:
    shared = node.shared if is_bucket(store) else (store, *node.shared)
    return any(PurePosixPath(cache).is_relative_to(folder) for folder in shared)


def _line(cluster: Cluster, node: Node, value: str | None, variable: str = VARIABLE) -> int | None:
    """Where the variable is written, which may be within a text of many lines."""
    return (cluster.line_with(variable, value) if value else None) or cluster.line(*node.place)
