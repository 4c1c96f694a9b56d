"""Who gets in: open ports, and the token without which nobody starts anything."""

from __future__ import annotations

from collections.abc import Iterator

from sweeps.cluster.model import Cluster, Finding, listed, mapping

SSH = 22
ANYBODY = ("0.0.0.0/0", "::/0")


def check(cluster: Cluster) -> Iterator[Finding]:
    """Ports that are open to all, a cluster without a token, a dashboard that everybody sees."""
    yield from _ports(cluster)
    yield from _token(cluster)
    start = cluster.head.start
    if cluster.starter == "launcher" and "dashboard-host=0.0.0.0" in start.replace(" ", "="):
        yield Finding(
            "the dashboard, which takes jobs, listens on all addresses; leave --dashboard-host=127.0.0.1 and "
            "go through 'ray dashboard'",
            cluster.line("head_start_ray_commands"),
        )
    for node in cluster.nodes:
        if cluster.starter == "launcher" and "ray start" not in node.start:
            role = "head" if node is cluster.head else "worker"
            yield Finding(
                f"no command starts Ray on '{node.name}'", cluster.line(f"{role}_start_ray_commands")
            )


def _ports(cluster: Cluster) -> Iterator[Finding]:
    group = mapping(mapping(cluster.values.get("provider")).get("security_group"))
    rules = group.get("IpPermissions")
    for number, rule in enumerate(listed(rules)):
        rule = mapping(rule)
        ranges = [str(mapping(one).get("CidrIp")) for one in listed(rule.get("IpRanges"))]
        ranges += [str(mapping(one).get("CidrIpv6")) for one in listed(rule.get("Ipv6Ranges"))]
        ports = [rule.get("FromPort"), rule.get("ToPort")]
        if ports != [SSH, SSH] and any(one in ANYBODY for one in ranges):
            told = "all ports" if ports == [None, None] else f"ports {ports[0]} to {ports[1]}"
            yield Finding(
                f"{told} are open to everybody; open none but {SSH}, and go through 'ray dashboard'",
                cluster.line("provider", "security_group", "IpPermissions", number),
            )


def _token(cluster: Cluster) -> Iterator[Finding]:
    if cluster.starter == "kuberay":
        mode = mapping(mapping(cluster.values.get("spec")).get("authOptions")).get("mode")
        if mode != "token":
            yield Finding(
                "authOptions: {mode: token} is missing: everybody who reaches the head starts jobs", 1
            )
        return
    without = [node.name for node in cluster.nodes if node.environment.get("RAY_AUTH_MODE") != "token"]
    if without:
        names = ", ".join(f"'{name}'" for name in without)
        yield Finding(
            f"RAY_AUTH_MODE=token is not set on {names}: everybody who reaches the head starts jobs",
            cluster.line("setup_commands"),
        )
    elif not any("auth_token" in str(mount) for mount in mapping(cluster.values.get("file_mounts"))):
        yield Finding(
            "RAY_AUTH_MODE is token, and no file_mounts bring ~/.ray/auth_token to the machines",
            cluster.line("file_mounts"),
        )
