"""Commands that start Ray: they must find each other, and what the file sets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sweeps.cluster.model import Cluster, Finding

_PORT = re.compile(r"ray start --head[^\n]*?--port[= ](\S+)")
_HEADS = re.compile(r"\$\{?RAY_HEAD_IP\}?:(\S+)")


def check(cluster: Cluster) -> Iterator[Finding]:
    """Ports of head and workers, and the autoscaler's file."""
    if cluster.starter != "launcher" or "ray start" not in cluster.head.start:
        return
    line = cluster.line("head_start_ray_commands")
    if "--autoscaling-config" not in cluster.head.start:
        yield Finding("the head is started without --autoscaling-config: no machine is ever added", line)
    found = _PORT.search(cluster.head.start)
    port = found[1] if found else "6379"
    if not port.isdigit() or not 0 < int(port) < 1 << 16:
        yield Finding(f"the head's port is '{port}'; allowed: 1 to 65535", line)
    for worker in cluster.workers:
        asked = _HEADS.search(worker.start)
        if asked and asked[1].rstrip(";") != port:
            yield Finding(
                f"'{worker.name}' looks for the head at port {asked[1]}, and the head listens at {port}",
                cluster.line("worker_start_ray_commands"),
            )
