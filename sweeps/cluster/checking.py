"""All rules, over one cluster file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sweeps.cluster.model import Cluster, Finding
from sweeps.cluster.rules import (
    access,
    aws,
    hosts,
    mounts,
    placeholders,
    rights,
    running,
    schema,
    sizes,
    starting,
    storage,
    tracker,
    versions,
)
from sweeps.study.declaration import Study

RULES: tuple[Callable[[Cluster], Iterator[Finding]], ...] = (
    schema.check,
    placeholders.check,
    versions.check,
    storage.check,
    rights.check,
    sizes.check,
    tracker.check,
    access.check,
    running.check,
    mounts.check,
    aws.check,
    hosts.check,
    starting.check,
)


def check(cluster: Cluster, studies: Iterable[Study] = ()) -> list[Finding]:
    """Everything that is wrong, errors first, each once."""
    found = [finding for rule in RULES for finding in rule(cluster)]
    found += [finding for study in studies for finding in sizes.check_study(cluster, study)]
    return sorted(dict.fromkeys(found), key=lambda one: (one.warning, one.line or 0))
