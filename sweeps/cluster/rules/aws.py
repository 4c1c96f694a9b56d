"""What AWS would refuse, or take for something else than was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sweeps.cluster.model import Cluster, Finding, Node, Place, listed, mapping

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_IMAGE = re.compile(r"ami-[0-9a-f]{8,17}|latest_dlami", re.IGNORECASE)
# Families of machines with GPUs, by Ray's names of these.
FAMILIES = {
    "g4dn": "T4", "g5": "A10G", "g6": "L4", "g6e": "L40S", "p2": "K80", "p3": "V100", "p3dn": "V100",
    "p4d": "A100", "p4de": "A100", "p5": "H100", "p5e": "H200", "p5en": "H200", "p6-b200": "B200",
}  # fmt: skip
PROFILE = "a mapping such as {Name: after-ray-worker}: without it machines have no right to use the bucket"


def check(cluster: Cluster) -> Iterator[Finding]:
    """Region, then every kind of machine."""
    if cluster.provider != "aws":
        return
    yield from _region(cluster)
    types = cluster.values.get("available_node_types")
    for node in cluster.nodes:
        config = mapping(mapping(types).get(str(node.place[-1]))).get("node_config")
        if isinstance(config, dict):
            yield from _machine(cluster, node, config)


def _region(cluster: Cluster) -> Iterator[Finding]:
    provider: Any = cluster.values.get("provider")
    region = str(provider.get("region"))
    if not _REGION.fullmatch(region):
        yield Finding(
            f"'{region}' is no region of AWS, such as us-east-1", cluster.line("provider", "region")
        )
    for name in {cluster.head.environment.get("AWS_DEFAULT_REGION"), region} - {None, region}:
        yield Finding(
            f"AWS_DEFAULT_REGION is {name}, and the machines are in {region}: set both alike, "
            "to the region of the bucket",
            cluster.line("provider", "region"),
        )
    if provider.get("cache_stopped_nodes", True):
        yield Finding(
            "cache_stopped_nodes is not false: a machine that is given back is stopped, and its disk goes on "
            "costing money",
            cluster.line("provider"),
            warning=True,
        )


def _machine(cluster: Cluster, node: Node, config: dict[str, Any]) -> Iterator[Finding]:
    place: Place = (*node.place, "node_config")
    line = cluster.line(*place)
    image = str(config.get("ImageId", "latest_dlami"))
    if not _IMAGE.fullmatch(image) and image != "AMI_ID":
        yield Finding(f"'{image}' is no number of an image (ami-...)", cluster.line(*place, "ImageId"))
    kind = str(config.get("InstanceType", ""))
    if not kind:
        yield Finding(f"'{node.name}' has no InstanceType", line)
    model = FAMILIES.get(kind.partition(".")[0])
    if node.gpus and model is None and kind:
        yield Finding(
            f"'{node.name}' is to have GPUs, and {kind} has none that is known", cluster.line(*place)
        )
    if node.gpu_model and model and node.gpu_model.split("-")[0] != model:
        yield Finding(f"'{node.name}' names a {node.gpu_model}, and {kind} has {model}", line)
    profile = config.get("IamInstanceProfile")
    if not isinstance(profile, dict) or not (profile.get("Name") or profile.get("Arn")):
        yield Finding(
            f"the IamInstanceProfile of '{node.name}' is missing or not {PROFILE}", cluster.line(*place)
        )
    market = config.get("InstanceMarketOptions")
    if market is not None and (not isinstance(market, dict) or market.get("MarketType") != "spot"):
        yield Finding(
            f"InstanceMarketOptions of '{node.name}' is not {{MarketType: spot}}",
            cluster.line(*place, "InstanceMarketOptions"),
        )
    disks = config.get("BlockDeviceMappings")
    for disk in listed(disks):
        if mapping(mapping(disk).get("Ebs")).get("DeleteOnTermination") is False:
            yield Finding(
                f"a disk of '{node.name}' stays when its machine ends (DeleteOnTermination), and costs money",
                cluster.line(*place, "BlockDeviceMappings"),
            )
