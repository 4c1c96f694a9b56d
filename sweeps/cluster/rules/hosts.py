"""Addresses of machines that are reached by SSH."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sweeps.cluster.model import Cluster, Finding, listed

_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
PLACEHOLDER = re.compile(r"HEAD_ADDRESS|WORKER_\d+_ADDRESS")


def check(cluster: Cluster) -> Iterator[Finding]:
    """One address for each machine, and that of no other."""
    if cluster.provider != "local":
        return
    provider: Any = cluster.values.get("provider")
    addresses = [str(one) for one in listed(provider.get("worker_ips"))]
    line = cluster.line("provider", "worker_ips")
    if not addresses and "coordinator_address" not in provider:
        yield Finding("worker_ips names no machine, and a head runs no trials", line)
    for address, count in Counter([str(provider.get("head_ip")), *addresses]).items():
        if count > 1:
            yield Finding(f"{address} is there {count} times; a machine has one place", line)
        if not _is_address(address) and not PLACEHOLDER.fullmatch(address):
            yield Finding(
                f"'{address}' is no address of a machine that others reach; allowed: 10.0.0.6, or a host "
                "name, without user and port",
                line,
            )


def _is_address(text: str) -> bool:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return bool(_NAME.fullmatch(text)) and text != "localhost"
    return not (found.is_loopback or found.is_unspecified)
