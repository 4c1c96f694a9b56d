"""Values that a user must set, left as they were shipped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sweeps.cluster.model import Cluster, Finding, Place

_LEFT = re.compile(
    r"\b(YOUR_[A-Z_]+|AMI_ID|HEAD_ADDRESS|WORKER_\d+_ADDRESS|HEAD_PROFILE|WORKER_PROFILE)\b|^(USER)$"
)


def check(cluster: Cluster) -> Iterator[Finding]:
    """Every placeholder once."""
    seen = set()
    lines = cluster.path.read_text().splitlines()
    for place, text in _texts(cluster.values, ()):
        for match in _LEFT.finditer(text):
            name = match[1] or match[2]
            if name not in seen:
                seen.add(name)
                yield Finding(
                    f"{name} is still to be set to a value of yours", _line(lines, name, cluster, place)
                )


def _line(lines: list[str], name: str, cluster: Cluster, place: Place) -> int | None:
    """Where it stands, which may be within a text of many lines."""
    found = (
        number for number, line in enumerate(lines, 1) if name in line and not line.lstrip().startswith("#")
    )
    return next(found, cluster.line(*place))


def _texts(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*place, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, (*place, number))
    elif isinstance(value, str):
        yield place, value
