"""Values that a user must set, left as they were shipped."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sweeps.cluster.model import Cluster, Finding

_LEFT = re.compile(
    r"\b(YOUR_[A-Z]+|AMI_ID|HEAD_ADDRESS|WORKER_\d+_ADDRESS|HEAD_PROFILE|WORKER_PROFILE)\b|ssh_user: (USER)\b"
)


def check(cluster: Cluster) -> Iterator[Finding]:
    """Every placeholder once, where it stands first, also within a text of many lines."""
    seen = set()
    for number, line in enumerate(cluster.text.splitlines(), 1):
        for match in _LEFT.finditer(re.sub(r"(^|\s)#.*", "", line)):
            name = match[1] or match[2]
            if name not in seen:
                seen.add(name)
                yield Finding(f"{name} is still to be set to a value of yours", number)
